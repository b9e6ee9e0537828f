"""A simulator that another process runs, by its control port alone."""

import requests
from simulator_server import USER_AGENT, SimulatorServer


class SimulatorThere(SimulatorServer):
    def __init__(self, url: str) -> None:
        self.url = url
        self.api, self.ws = f"{url}/tastytrade", f"{url}/tastytrade".replace("http", "ws", 1)
        self.http = requests.Session()
        self.http.headers["User-Agent"] = USER_AGENT
