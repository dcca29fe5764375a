"""A whole round with an OpenID Connect provider, which the test plays itself on loopback."""

import html
import re
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import uvicorn
from joserfc import jwk, jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from repository import accounts, embedded
from repository.store import SIGN_INS, Store
from tests.browser import Server
from tests.test_proxy import free_port
from tests.test_signin import OPERATOR

SECRET = "hushhush-client-secret"  # pragma: allowlist secret
PAGE = {"accept": "text/html"}


class Provider:
    """Signs in whoever ``name`` is, without asking."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.name = "wang@street"
        self.age = 0
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "k"})
        self.asked: dict[str, dict[str, str]] = {}
        routes = [
            Route("/.well-known/openid-configuration", self.about),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
            Route("/jwks", self.jwks),
        ]
        config = uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=self.port, log_level="error")
        self.server = uvicorn.Server(config)
        threading.Thread(target=self.server.run, daemon=True).start()
        while not self.server.started:
            time.sleep(0.02)

    async def about(self, _request: Request) -> Response:
        """What the provider says of itself."""
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def authorize(self, request: Request) -> Response:
        """The person is known here and goes back with a code."""
        told = dict(request.query_params)
        self.asked["code1"] = told
        return RedirectResponse(f"{told['redirect_uri']}?{urlencode({'code': 'code1', 'state': told['state']})}")

    async def token(self, request: Request) -> Response:
        """The code for a signed statement of who it is."""
        form = parse_qs((await request.body()).decode())
        told = self.asked[form["code"][0]]
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": told["client_id"], "sub": "s-1", "iat": now - self.age, "exp": now + 600,
            "nonce": told["nonce"], "preferred_username": self.name,
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "k"}, claims, self.key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": signed, "expires_in": 600})

    async def jwks(self, _request: Request) -> Response:
        """The public key."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """On loopback."""
    found = Provider()
    yield found
    found.server.should_exit = True


@pytest.fixture(scope="module")
def server(provider: Provider) -> Iterator[Server]:
    """GridBoard, known to the provider."""
    port = str(free_port())
    found = Server(
        PORT=port,
        GRIDBOARD_SIGN_IN="provider",
        GRIDBOARD_PUBLIC_URL=f"http://127.0.0.1:{port}",
        GRIDBOARD_OIDC_URL=f"{provider.url}/.well-known/openid-configuration",
        GRIDBOARD_OIDC_CLIENT_ID="gridboard",
        GRIDBOARD_OIDC_CLIENT_SECRET=SECRET,
    )
    yield found
    found.stop()


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[Store]:
    """With one account that the provider knows."""
    endpoint = embedded.start(server.home)
    found = Store.connect(endpoint.uri, endpoint.database)
    values = {"login": "wang", "name": "王芳", "role": "admin", "subject": "wang@street"}
    accounts.add_user(found, OPERATOR, values)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _nobody_is_in(store: Store) -> None:
    store.db[SIGN_INS].delete_many({})


def walk(server: Server, page: str = "/grids?lang=en") -> tuple[httpx.Client, httpx.Response]:
    """What a browser does, up to the answer that follows the provider's; no redirect is followed unseen."""
    reader = httpx.Client(base_url=server.address, headers=PAGE, timeout=30)
    answer = reader.get(page)
    assert answer.status_code == 303
    answer = reader.get(answer.headers["location"])
    link = re.search(r'class="button" href="([^"]+)"', answer.text)
    assert link, answer.text
    for _ in range(4):  # Streamlit's own route, the provider, back to us, the front page
        place = answer.headers["location"] if answer.is_redirect else html.unescape(link[1])
        answer = reader.get(place)
        if urlsplit(str(answer.url)).path == "/":
            break
    return reader, answer


def test_whoever_the_provider_knows_and_we_know_comes_in(server: Server, store: Store) -> None:
    reader, answer = walk(server)
    assert (answer.status_code, answer.headers["location"]) == (303, "/grids?lang=en")
    cookies = answer.headers.get_list("set-cookie")
    assert any(one.startswith("gridboard=") and "HttpOnly" in one for one in cookies)
    gone = [one for one in cookies if one.startswith("_streamlit_user")]
    assert gone, "the provider's own cookie, which nobody could revoke, is taken away"
    assert all("Max-Age=0" in one for one in gone)
    assert reader.get("/grids").status_code == 200
    (kept,) = store.db[SIGN_INS].find({"way": "provider"})
    assert kept["login"] == "wang"
    store.db[SIGN_INS].delete_many({})
    assert reader.get("/grids").status_code == 303
    assert reader.post("/login", data={"login": "wang", "password": ""}).status_code != 303, "no password opens it"


def test_whoever_only_the_provider_knows_is_told_so(server: Server, store: Store, provider: Provider) -> None:
    provider.name = "stranger@elsewhere"
    try:
        _, answer = walk(server)
        assert answer.status_code == 403
        assert "stranger@elsewhere" in answer.text
        assert store.db[SIGN_INS].count_documents({}) == 0
    finally:
        provider.name = "wang@street"


def test_a_statement_that_is_not_fresh_opens_nothing(server: Server, store: Store, provider: Provider) -> None:
    provider.age = 400
    try:
        _, answer = walk(server)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F")
        assert store.db[SIGN_INS].count_documents({}) == 0
    finally:
        provider.age = 0


@pytest.mark.parametrize(
    "value", ["forged", '{"preferred_username": "wang@street"}', "2|1:0|10:1|15:_streamlit_user|1:x|y"]
)
def test_a_cookie_nobody_signed_opens_nothing(server: Server, store: Store, value: str) -> None:
    answer: Any = httpx.get(f"{server.address}/", headers=PAGE, cookies={"_streamlit_user": value})
    assert answer.status_code == 303
    assert store.db[SIGN_INS].count_documents({}) == 0


def test_the_secret_stays_where_it_is(server: Server, store: Store) -> None:
    assert SECRET not in "".join(server.log)
    _, answer = walk(server)
    assert SECRET not in answer.text
