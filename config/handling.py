"""Each request's way through Django in one go, in one thread of its own, from the first middleware to the last.

Django's own way goes back and forth between the event loop and the request's thread half a dozen times, for the
request's beginning and end, the view and whatever knows only the other manner, and runs the views' own part through
two more layers for that. None of our views is asynchronous.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.urls import set_script_prefix


class OneThreadHandler(ASGIHandler):
    """A request that nobody waits for any more is answered to its end all the same, as an order must be; who has gone
    is sent nothing by the server."""

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        response = await sync_to_async(self.answer)(scope, body)
        await self.send_response(response, send)
        if response.streaming:
            await sync_to_async(response.close)()

    def answer(self, scope: Any, body: Any) -> Any:
        """What is not streamed is over by then: its database connection is given back before the first byte goes
        out."""
        with body:
            signals.request_started.send(sender=self.__class__, scope=scope)
            request, refused = self.create_request(scope, body)
            response: Any = self.get_response(request) if request is not None else refused
            response._handler_class = self.__class__
            if not response.streaming:
                response.close()
            return response
