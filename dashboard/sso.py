"""Who a single sign-on says the reader is: a proxy in a header, or an OpenID Connect provider in a statement that
Streamlit fetched and signed into a cookie."""

import json
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from repository.access import Refused
from repository.words import msg

PATHS = ("/auth/login", "/oauth2callback")
GOOD_FOR = timedelta(minutes=5)  # how old a provider's statement may be, or ahead of our clock
SIGN_INS_OF_ONE = 20
SIGN_INS_KEPT = 10_000
_COOKIES = re.compile(r"_streamlit_user(_tokens)?(_\d+)?")


# --- a proxy
def named_by_proxy(values: Sequence[bytes]) -> str | None:
    """The one name in a proxy's header, written in UTF-8, percent-encoded or not, as our accounts keep it. None where
    there is none, or more than one: whoever added the other may not be the proxy."""
    if len(values) != 1:
        return None
    try:
        name = unquote(values[0].decode("utf-8"), errors="strict")
    except UnicodeDecodeError:
        return None
    name = unicodedata.normalize("NFC", name).strip()
    return name if name.isprintable() else None


class Lent:
    """The sign-ins that were opened for what a proxy said: a client that keeps no cookie is given the one it has, and
    nobody opens more than SIGN_INS_OF_ONE."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    def candidates(self, subject: str, address: str, agent: str) -> list[str]:
        """Tokens to take up again, if one still holds: that of this client; of others only when there are too many."""
        if (token := self._tokens.get((subject, address, agent))) is not None:
            return [token]
        mine = [token for key, token in self._tokens.items() if key[0] == subject]
        return mine[::-1] if len(mine) >= SIGN_INS_OF_ONE else []

    def keep(self, subject: str, address: str, agent: str, token: str) -> None:
        """Note a sign-in that was opened."""
        self._tokens[subject, address, agent] = token
        if len(self._tokens) > SIGN_INS_KEPT:
            self._tokens.popitem(last=False)

    def forget(self, token: str) -> None:
        """It is over."""
        for key in [key for key, kept in self._tokens.items() if kept == token]:
            del self._tokens[key]


# --- a provider
@dataclass(frozen=True)
class Statement:
    """What the provider said of a reader: its claims, of which ``text`` is the whole wording. Authlib has checked
    issuer, audience, signature and nonce before Streamlit signed it."""

    claims: Mapping[str, Any]
    text: str

    def subject(self, claim: str) -> str:
        """The reader's single sign-on name. Raises Refused where the claim is missing, or an address nobody checked."""
        told = self.claims.get(claim)
        if not isinstance(told, str) or not told.strip():
            raise Refused(
                msg(
                    "Your organisation's sign-in did not say {claim}, by which people are known here. Ask an "
                    "administrator: either it is to be sent, or GRIDBOARD_OIDC_CLAIM is to be another one."
                ),
                claim=claim,
            )
        if claim == "email" and self.claims.get("email_verified") is not True:
            raise Refused(
                msg(
                    "Your organisation's sign-in has not checked that {email} is yours, so it does not open anything "
                    "here. Have it confirmed there, then sign in again."
                ),
                email=told,
            )
        return unicodedata.normalize("NFC", told).strip()


def link(base: str) -> str:
    """Streamlit's own way to the provider (what st.login leads to)."""
    from streamlit.auth_util import encode_provider_token

    return f"{base}/auth/login?provider={quote(encode_provider_token('default'))}"


def cookies_of(cookies: Mapping[str, str]) -> list[str]:
    """The names of the cookies in which Streamlit keeps what the provider said, pieces of large ones included."""
    return [name for name in cookies if _COOKIES.fullmatch(name)]


def statement(cookies: Mapping[str, str], now: datetime) -> Statement | None:
    """What the provider said, from the cookies that Streamlit has just set after its answer; None without a fresh one.
    It is to be exchanged for a sign-in of ours at once, which can be revoked, and taken away."""
    from streamlit.auth_util import get_cookie_with_chunks
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

    def signed(name: str) -> bytes | None:
        value = cookies.get(name)
        return None if value is None else decode_signed_value(get_cookie_secret(), name, value.encode("latin-1"))

    try:
        text = (get_cookie_with_chunks(signed, "_streamlit_user") or b"").decode()
        told = json.loads(text or "null")
    except ValueError:
        return None
    issued = told.get("iat") if isinstance(told, dict) else None
    if not isinstance(issued, (int, float)) or abs(now.timestamp() - issued) > GOOD_FOR.total_seconds():
        return None
    return Statement(told, text)
