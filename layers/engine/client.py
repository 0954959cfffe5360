"""The client of one engine: the connections that all who ask it share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from layers.engine.connections import Wire
from layers.engine.http import BadAnswer
from layers.engine.sockets import dialer

if TYPE_CHECKING:
    from requests import Response


class Client:
    """An engine's address, our own quick connections to it, and docker's SDK for all the rest.

    Asking for images by name, pulling and pushing go over ``wire``: that loads in a millisecond,
    sends many questions ahead, and tells bytes as they go. Containers and what a clean-up asks go
    through ``api``, which costs a tenth of a second to load and a question for the API's version.
    """

    def __init__(self, host: str, environment: Mapping[str, str]) -> None:
        """``host`` is an address as in DOCKER_HOST; ``environment`` has what goes with it."""
        self.host = host
        self.environment = environment
        self.wire = Wire(host, environment)

    @cached_property
    def api(self) -> Any:
        """docker's SDK, an `APIClient` that is connected; raises EngineDown."""
        from layers.engine.sdk import connected, dialled

        with self.asking("ask for", "the engine's version"):
            if not self.host.startswith("ssh://"):
                return connected(self.host, self.environment)
            (said,) = self.wire.get(["/version"])
            try:
                version = json.loads(said.body)["ApiVersion"]
            except (ValueError, KeyError, TypeError):
                raise BadAnswer(f"status {said.status}, and no version of its API") from None
            return dialled(dialer(self.host, self.environment), version)

    def call(self, method: str, path: str, **params: str | int) -> Response:
        """A request that the SDK has no words for; the answer's head is there, its body may wait.

        Raises docker's own errors, as the SDK does.
        """
        from docker.errors import create_api_error_from_http_exception
        from requests import HTTPError

        url = f"{self.api.base_url}/v{self.api.api_version}{path}"
        response: Response = self.api.request(method, url, params=params, stream=True)
        try:
            response.raise_for_status()
        except HTTPError as error:
            create_api_error_from_http_exception(error)
        return response

    @contextmanager
    def asking(self, action: str, name: str) -> Iterator[None]:
        """Turn what the SDK raises in the block into errors of ours, for an ``action`` on ``name``.

        Raises EngineError and its kinds, EngineDown where nothing answers.
        """
        from docker.errors import APIError, DockerException
        from requests import RequestException

        from layers.engine.errors import fault

        try:
            yield
        except APIError as error:
            raise fault(action, name, str(error.explanation or error)) from error
        except (DockerException, RequestException, OSError) as error:
            raise self.wire.down(error) from error
