#!/usr/bin/env python
"""Django's command line for this project; in a folder where `make run` has made a desk it is that desk's."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from config import local

if __name__ == "__main__":
    os.environ.update(local.desk_of_this_folder())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
