"""A whole round with an OpenID Connect provider, which the test plays itself on loopback."""

import html
import re
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx
import pytest
import uvicorn
from joserfc import jwk, jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard import sso
from repository import accounts, embedded
from repository.access import Refused
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
        self.claims: dict[str, Any] = {"sub": "s-1", "preferred_username": "wang@street"}
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
            "iss": self.url, "aud": told["client_id"], "iat": now - self.age, "exp": now + 600,
            "nonce": told["nonce"], **self.claims,
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
    values = {"login": "wang", "name": "王芳", "role": "admin", "subject": "s-1"}
    accounts.add_user(found, OPERATOR, values)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _as_it_was(store: Store, provider: Provider) -> Iterator[None]:
    """Nobody is in, and the provider says what it says at first."""
    store.db[SIGN_INS].delete_many({})
    before = provider.claims
    yield
    provider.claims, provider.age = before, 0


def walk(
    server: Server,
    page: str = "/grids?lang=en",
    keep: dict[str, str] | None = None,
    before: httpx.Client | None = None,
) -> tuple[httpx.Client, httpx.Response]:
    """What a browser does, up to the answer that follows the provider's; no redirect is followed unseen. ``keep`` is
    given the provider's cookies; ``before`` is a browser in which somebody is in already."""
    reader = before or httpx.Client(base_url=server.address, headers=PAGE, timeout=30)
    answer = reader.get("/login" if before else page)
    if before is None:
        assert answer.status_code == 303
        answer = reader.get(answer.headers["location"])
    link = re.search(r'class="button" href="([^"]+)"', answer.text)
    assert link, answer.text
    for _ in range(4):  # Streamlit's own route, the provider, back to us, the front page
        place = answer.headers["location"] if answer.is_redirect else html.unescape(link[1])
        if keep is not None:
            keep |= {one.name: one.value or "" for one in reader.cookies.jar if one.name.startswith("_streamlit_user")}
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
    """The name that others may be given later, which is the first one's here, opens nothing."""
    provider.claims = {"sub": "s-2", "preferred_username": "s-1"}
    _, answer = walk(server)
    assert answer.status_code == 403
    assert "s-2" in answer.text
    assert store.db[SIGN_INS].count_documents({}) == 0


def test_who_signs_in_where_somebody_else_still_is_comes_in_as_themselves(
    server: Server, store: Store, provider: Provider
) -> None:
    accounts.add_user(store, OPERATOR, {"login": "li", "name": "李敏", "role": "viewer", "subject": "s-2"})
    reader, _ = walk(server)
    provider.claims = {"sub": "s-2"}
    again, answer = walk(server, before=reader)
    assert again is reader
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert accounts.visitor(store, reader.cookies["gridboard"], accounts.Terms()).login == "li"
    assert [one.name for one in reader.cookies.jar if one.name.startswith("_streamlit_user")] == []


def test_a_statement_that_is_not_fresh_opens_nothing(server: Server, store: Store, provider: Provider) -> None:
    provider.age = 400
    _, answer = walk(server)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F")
    assert store.db[SIGN_INS].count_documents({}) == 0


def test_a_statement_of_another_issuer_opens_nothing(server: Server, store: Store, provider: Provider) -> None:
    provider.claims = {**provider.claims, "iss": "https://sso.elsewhere.example"}
    _, answer = walk(server)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F")
    assert store.db[SIGN_INS].count_documents({}) == 0


def test_a_statement_is_exchanged_once(server: Server, store: Store) -> None:
    """Whoever got hold of the provider's cookies, say from a backup of the browser, is too late at once."""
    stolen: dict[str, str] = {}
    reader, answer = walk(server, keep=stolen)
    assert answer.status_code == 303
    assert stolen
    again: Any = httpx.get(f"{server.address}/", headers=PAGE, cookies=stolen)
    assert again.status_code == 403
    assert "gridboard=" not in again.headers["set-cookie"]
    assert store.db[SIGN_INS].count_documents({}) == 1
    assert reader.get("/grids").status_code == 200


def test_large_statements_are_read_and_taken_away_in_all_their_pieces(
    server: Server, store: Store, provider: Provider
) -> None:
    provider.claims = {**provider.claims, "groups": [str(uuid4()) for _ in range(200)]}
    stolen: dict[str, str] = {}
    _, answer = walk(server, keep=stolen)
    assert store.db[SIGN_INS].count_documents({}) == 1
    pieces = {name for name in stolen if name.startswith("_streamlit_user")}
    assert "_streamlit_user_2" in pieces
    gone = {one.partition("=")[0] for one in answer.headers.get_list("set-cookie") if "Max-Age=0" in one}
    assert pieces <= gone

    head = {"cookie": "; ".join(f"{name}=x" for name in (*pieces, "other"))}
    answer = httpx.post(f"{server.address}/logout", headers=head, data={})
    gone = {one.partition("=")[0] for one in answer.headers.get_list("set-cookie") if "Max-Age=0" in one}
    assert gone == {"gridboard", *pieces}


@pytest.mark.parametrize(
    ("claim", "claims", "subject"),
    [
        ("sub", {"sub": "s-1"}, "s-1"),
        ("sub", {"sub": "  "}, "did not say sub"),
        ("sub", {"preferred_username": "wang"}, "did not say sub"),
        ("sub", {"sub": None}, "did not say sub"),
        ("sub", {"sub": ["s-1"]}, "did not say sub"),
        ("name", {"name": "王芳 "}, "王芳"),
        ("email", {"email": "a@b", "email_verified": True}, "a@b"),
        ("email", {"email": "a@b"}, "has not checked that a@b"),
        ("email", {"email": "a@b", "email_verified": False}, "has not checked that a@b"),
        ("email", {"email": "a@b", "email_verified": "yes"}, "has not checked that a@b"),
    ],
)
def test_whom_a_statement_is_about(claim: str, claims: dict[str, Any], subject: str) -> None:
    said = sso.Statement(claims, "")
    if " " not in subject:
        assert said.subject(claim) == subject
        return
    with pytest.raises(Refused, match=subject):
        said.subject(claim)


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
