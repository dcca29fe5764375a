"""Where GridBoard keeps its data, which database it speaks to, where and to whom it serves: read from the
environment."""

import ipaddress
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from repository.words import Message, Trouble, msg

PORT = 8501
HOST = "127.0.0.1"
ROLE = "admin"
COOKIE = "gridboard"
BACKUP_PATH = "/backup"  # where an administrator is handed a backup


class BadSetting(Trouble, ValueError):
    """A variable of the environment can't be used."""


class SignInBy(StrEnum):
    """How readers come in. UNSET: by accounts, unless nothing but demonstration data is there."""

    UNSET = ""
    ACCOUNTS = "accounts"
    PROVIDER = "provider"
    PROXY = "proxy"
    NONE = "none"


ENGINE_VARIABLES = {
    "MONGOD_PATH": "the private MongoDB's program (default: the packaged one, else mongod of PATH)",
    "GRIDBOARD_CACHE_GB": "how much memory it may fill with what it read (default 0.25)",
}
"""What the private MongoDB is started with. No secrets: these are given as they are, never in a file."""
VARIABLES = {
    "GRIDBOARD_HOME": "the data folder",
    "MONGODB_URI": "a replica set or mongos to use; the private MongoDB is then off",
    "HOST": "the address to serve on",
    "PORT": "the port to serve on",
    "GRIDBOARD_PUBLIC_URL": "the address readers use, where a proxy stands before GridBoard: https://host/path",
    "GRIDBOARD_NAMES": "further names by which readers reach the page: host names, or https://host:port where unusual",
    "GRIDBOARD_PROXIES": "addresses or networks of proxies whose word on the reader's address is taken",
    "GRIDBOARD_PROXY_SECRET": "believed only if it sends this as X-GridBoard-Proxy",  # pragma: allowlist secret
    "GRIDBOARD_SIGN_IN": "accounts, provider, proxy or none (default: accounts; none for the demonstration)",
    "GRIDBOARD_ROLE": "with none: what whoever opens the page may do (default admin)",
    "GRIDBOARD_IDLE_MINUTES": "how long a sign-in holds without any action",
    "GRIDBOARD_SESSION_HOURS": "how long a sign-in holds altogether",
    "GRIDBOARD_REFRESH_SECONDS": "how often an Overview that is left open reads anew (default 60)",
    "GRIDBOARD_USER_HEADER": "with proxy: the header in which the proxy names the reader (default X-Remote-User)",
    "GRIDBOARD_OIDC_URL": "with provider: its metadata, https://…/.well-known/openid-configuration",
    "GRIDBOARD_OIDC_CLIENT_ID": "with provider: our name there",
    "GRIDBOARD_OIDC_CLIENT_SECRET": "with provider: what proves that it is us",  # pragma: allowlist secret
    "GRIDBOARD_OIDC_CLAIM": "with provider: the claim that is a reader's single sign-on name (default sub)",
    "GRIDBOARD_AUDIT_KEY": "seals the audit trail (default: a file of the data folder; with MONGODB_URI none)",
    "GRIDBOARD_LOG": "text (warnings only) or json (one line a request as well)",
    "GRIDBOARD_METRICS_TOKEN": "opens /metrics to whoever brings it as a bearer token; 16 characters and more",
    "GRIDBOARD_BACKUP_FOLDER": "a backup is written here every day while the pages are served",
    "GRIDBOARD_BACKUP_KEEP": "how many days, weeks and months of backups stay (default 7,4,12)",
    "GRIDBOARD_BACKUP_RECIPIENT": "backups are encrypted for this age public key",
    "GRIDBOARD_COOKIE_SECRET": "with provider and several processes: one for all",  # pragma: allowlist secret
}
"""Every variable we read, and what it says. ``NAME_FILE`` names a file that holds the value of ``NAME``."""


Network = ipaddress.IPv4Network | ipaddress.IPv6Network
USUAL_PORTS = {"http": 80, "https": 443}
CLAIM = "sub"  # the one claim that a provider never gives to somebody else (OpenID Connect Core, 5.7)
USER_HEADER = "x-remote-user"
PROXY_SECRET_HEADER = "x-gridboard-proxy"  # noqa: S105  # pragma: allowlist secret (a name)
SHORTEST_SECRET = 16


@dataclass(frozen=True)
class Provider:
    """An OpenID Connect provider as we are known there."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    claim: str = CLAIM


@dataclass(frozen=True)
class Settings:
    """One process's settings.

    ``home`` is the data folder (embedded database, keys, logs); with a ``uri`` the embedded server is off entirely.
    ``role`` is everybody's where there is no sign-in. ``names`` are further host names, or whole origins, under which
    readers may reach the page. ``port_fixed``: somebody counts on the port. ``idle_minutes`` and ``session_hours``
    bound a sign-in. ``refresh_seconds``: how often an Overview that is left open reads anew.
    """

    home: Path
    uri: str | None = field(default=None, repr=False)
    host: str = HOST
    port: int = PORT
    role: str = ROLE
    names: tuple[str, ...] = ()
    public_url: str = ""
    proxies: tuple[Network, ...] = ()
    sign_in: SignInBy = SignInBy.UNSET
    idle_minutes: int = 30
    session_hours: int = 8
    refresh_seconds: int = 60
    user_header: str = USER_HEADER
    proxy_secret: str = field(default="", repr=False)
    provider: Provider | None = None
    cookie_secret: str = field(default="", repr=False)
    log: str = "text"
    metrics_token: str = field(default="", repr=False)
    backup_folder: Path | None = None
    backup_keep: tuple[int, int, int] = (7, 4, 12)
    backup_recipient: str = ""
    audit_key_given: str = field(default="", repr=False)
    port_fixed: bool = field(default=False, compare=False)

    @property
    def embedded(self) -> bool:
        """True when this process's database is the private one under ``home``."""
        return self.uri is None

    @property
    def base(self) -> str:
        """The path under which we are served: empty, or like ``/gridboard``."""
        return urlsplit(self.public_url).path.rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether readers come over TLS, as far as the public address tells."""
        return self.public_url.startswith("https://")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names readers may use besides this machine's own."""
        whole = (urlsplit(name).hostname if "://" in name else name for name in (*self.names, self.public_url))
        return tuple(name for name in whole if name)

    @property
    def origins(self) -> frozenset[str]:
        """Where a page may come from that connects, besides the address it was asked under: that of the public
        address, and those of the names; a name without more stands for its usual ports."""
        found = {name for name in self.names if "://" in name}
        plain = [_bracketed(name) for name in self.names if "://" not in name]
        found |= {f"{scheme}://{name}" for name in plain for scheme in USUAL_PORTS}
        return frozenset(found | ({origin_of(self.public_url)} if self.public_url else set()))

    @property
    def reachable(self) -> bool:
        """Can others than the programs of this machine reach the page?"""
        return is_open(self.host) or bool(self.public_url or self.proxies or self.names)

    def way(self, demonstration: Callable[[], bool]) -> SignInBy:
        """How readers come in. ``demonstration`` tells whether there is nothing but invented data and no account; it
        is asked only where that matters. Real data is open without a sign-in to nobody but this machine."""
        if self.sign_in is SignInBy.NONE and not self.reachable:
            return SignInBy.NONE
        if self.sign_in not in {SignInBy.UNSET, SignInBy.NONE}:
            return self.sign_in
        return SignInBy.NONE if demonstration() else SignInBy.ACCOUNTS

    def doubts(self) -> list[Message]:
        """What can be served, but is hardly meant so."""
        found = []
        if self.public_url and not self.proxies:
            found.append(
                Message(
                    msg(
                        "GRIDBOARD_PUBLIC_URL is set without GRIDBOARD_PROXIES: all readers seem to come from the "
                        "proxy's address. Name the proxy there, such as 127.0.0.1."
                    )
                )
            )
        if self.sign_in is SignInBy.PROVIDER and self.provider is not None and self.provider.claim != CLAIM:
            text = msg(
                "GRIDBOARD_OIDC_CLAIM={claim}: a provider may give this name to somebody else later, who then has the "
                "account. Only sub is never given twice."
            )
            found.append(Message(text, {"claim": self.provider.claim}))
        if self.sign_in is SignInBy.PROXY and not self.proxy_secret and any(net.is_loopback for net in self.proxies):
            found.append(
                Message(
                    msg(
                        "With a proxy on this machine every program on this machine may say who the reader is. Set "
                        "GRIDBOARD_PROXY_SECRET, and have the proxy send it as X-GridBoard-Proxy."
                    )
                )
            )
        return found

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """The settings that VARIABLES make. An empty variable counts as unset.

        Raises BadSetting for a value that can't be, and for a way to sign in that lacks something.
        """
        source = os.environ if environ is None else environ
        given = {name: value for name in VARIABLES if (value := _given(source, name))}
        found = cls(
            home=Path(given.get("GRIDBOARD_HOME") or default_home()).expanduser().absolute(),
            uri=given.get("MONGODB_URI") or None,
            host=given.get("HOST") or HOST,
            port=port_number(given.get("PORT") or str(PORT)),
            port_fixed=bool(given.get("PORT") or given.get("GRIDBOARD_PUBLIC_URL")),
            role=role_named(given.get("GRIDBOARD_ROLE") or ROLE),
            names=tuple(_name(word) for word in given.get("GRIDBOARD_NAMES", "").replace(",", " ").split()),
            public_url=_public_url(given.get("GRIDBOARD_PUBLIC_URL", "")),
            proxies=_networks(given.get("GRIDBOARD_PROXIES", "")),
            sign_in=_way(given.get("GRIDBOARD_SIGN_IN", "")),
            idle_minutes=_count(given, "GRIDBOARD_IDLE_MINUTES", 30, 24 * 60),
            session_hours=_count(given, "GRIDBOARD_SESSION_HOURS", 8, 31 * 24),
            refresh_seconds=_count(given, "GRIDBOARD_REFRESH_SECONDS", 60, 24 * 3600),
            proxy_secret=_secret(given, "GRIDBOARD_PROXY_SECRET"),
            user_header=_user_header(given.get("GRIDBOARD_USER_HEADER", "")),
            provider=_provider(given),
            cookie_secret=_secret(given, "GRIDBOARD_COOKIE_SECRET"),
            backup_folder=Path(folder).expanduser().absolute()
            if (folder := given.get("GRIDBOARD_BACKUP_FOLDER"))
            else None,
            log=_one_of(given, "GRIDBOARD_LOG", "text", "json"),
            metrics_token=_secret(given, "GRIDBOARD_METRICS_TOKEN"),
            backup_keep=_keep(given.get("GRIDBOARD_BACKUP_KEEP") or "7,4,12"),
            backup_recipient=_recipient(given.get("GRIDBOARD_BACKUP_RECIPIENT", "")),
            audit_key_given=given.get("GRIDBOARD_AUDIT_KEY", ""),
        )
        found._check()
        return found

    def _check(self) -> None:
        if self.sign_in is SignInBy.PROVIDER and (self.provider is None or not self.public_url):
            raise BadSetting(
                msg(
                    "GRIDBOARD_SIGN_IN=provider needs GRIDBOARD_OIDC_URL, GRIDBOARD_OIDC_CLIENT_ID, "
                    "GRIDBOARD_OIDC_CLIENT_SECRET and GRIDBOARD_PUBLIC_URL."
                )
            )
        if self.sign_in is SignInBy.PROXY and not self.proxies:
            raise BadSetting(
                msg(
                    "GRIDBOARD_SIGN_IN=proxy needs GRIDBOARD_PROXIES: only a proxy named there is believed when it "
                    "says who the reader is."
                )
            )

    def audit_key(self, *, make: bool = False) -> bytes:
        """The key that seals the audit trail: the given one; with the private database that of the data folder, which
        is there once something was sealed (``make``); empty with a database elsewhere."""
        if self.audit_key_given or not self.embedded:
            return self.audit_key_given.encode()
        path = self.home / "audit.key"
        if not path.exists():
            if not make:
                return b""
            with tempfile.NamedTemporaryFile(
                "w", dir=self.home, prefix=".audit.key-", encoding="ascii"
            ) as draft:  # 0600
                print(secrets.token_hex(32), end="", file=draft)
                draft.flush()
                os.fsync(draft.fileno())
                with suppress(FileExistsError):  # another process was quicker; nobody ever reads half a key
                    os.link(draft.name, path)
        return path.read_bytes()

    @property
    def audit_head(self) -> Path | None:
        """Where the newest seal of the audit trail is noted, out of the database's reach: beside the key of the data
        folder. With a key that is given there is no such place."""
        return self.home / "audit.head" if self.embedded and not self.audit_key_given else None

    def publish(self) -> None:
        """Write these settings to the environment, where the pages of this process read them."""
        os.environ.update(
            {
                "GRIDBOARD_HOME": str(self.home),
                "MONGODB_URI": self.uri or "",
                "HOST": self.host,
                "PORT": str(self.port),
                "GRIDBOARD_ROLE": self.role,
                "GRIDBOARD_NAMES": " ".join(self.names),
            }
        )


def _given(source: Mapping[str, str], name: str) -> str:
    """A variable's value, or that of the file it names; a secret belongs into a file."""
    value = source.get(name, "").strip()
    path = source.get(f"{name}_FILE", "").strip()
    if value or not path:
        return value
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise BadSetting(
            msg("{name}_FILE names {path}, which can't be read: {reason}."),
            name=name,
            path=path,
            reason=error.strerror or type(error).__name__,
        ) from None


def keep_of(text: str) -> tuple[int, int, int]:
    """Days, weeks and months, as in ``7,4,12``; ValueError for anything else."""
    if not re.fullmatch(r"\s*\d{1,5}\s*(,\s*\d{1,5}\s*){2}", text, re.A):
        raise ValueError(f"three numbers like 7,4,12, not {text!r}")
    days, weeks, months = map(int, text.split(","))
    return days, weeks, months


def _keep(value: str) -> tuple[int, int, int]:
    try:
        return keep_of(value)
    except ValueError:
        raise BadSetting(
            msg("GRIDBOARD_BACKUP_KEEP must be three numbers like 7,4,12, not {value}."), value=value
        ) from None


def _way(value: str) -> SignInBy:
    try:
        return SignInBy(value.lower())
    except ValueError:
        raise BadSetting(
            msg("GRIDBOARD_SIGN_IN must be accounts, provider, proxy or none, not {value}."), value=value
        ) from None


# ── names and addresses ─────────────────────────────────────────────────────────────────────────────────────────────


_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


def is_open(host: str) -> bool:
    """Can other machines reach a server bound to ``host``?"""
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def origin_of(address: str) -> str:
    """An http address's scheme, host and port as browsers write an origin: in small letters, without the usual port.
    ValueError for what has none."""
    parts = urlsplit(address)
    if parts.scheme not in USUAL_PORTS or "@" in parts.netloc or not address.isprintable():
        raise ValueError(address)
    host, port = _bracketed(host_name(parts.hostname or "")), parts.port
    return f"{parts.scheme}://{host}" + ("" if port in {None, USUAL_PORTS[parts.scheme]} else f":{port}")


def host_name(text: str) -> str:
    """A host's name as browsers send it, or its numeric address. ValueError for what can't be one."""
    with suppress(ValueError):
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    name = text.rstrip(".").encode("idna").decode().lower()
    if not _NAME.fullmatch(name) or name.rpartition(".")[2].isdecimal():
        raise ValueError(text)
    return name


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _name(word: str) -> str:
    try:
        if "://" not in word:
            return host_name(word)
        if urlsplit(word)._replace(scheme="", netloc="").geturl() not in {"", "/"}:
            raise ValueError(word)
        return origin_of(word)
    except ValueError:
        raise BadSetting(
            msg(
                "GRIDBOARD_NAMES must be host names like dash.example.gov.cn, or with an unusual port "
                "https://dash.example.gov.cn:8443, not {value}."
            ),
            value=_shown(word),
        ) from None


def _public_url(value: str) -> str:
    if not value:
        return ""
    try:
        parts, origin = urlsplit(value), origin_of(value)
        path = parts.path.rstrip("/")
        if "?" in value or "#" in value or not _PATH.fullmatch(path):
            raise ValueError(value)
    except ValueError:
        raise BadSetting(
            msg("GRIDBOARD_PUBLIC_URL must be an address like https://dash.example.gov.cn/gridboard, not {value}."),
            value=_shown(value),
        ) from None
    return origin + path


def _shown(address: str) -> str:
    """An address without the password that stands in it."""
    return re.sub(r"//.*@", "//…@", address)


def _networks(value: str) -> tuple[Network, ...]:
    try:
        found = tuple(ipaddress.ip_network(word, strict=False) for word in value.replace(",", " ").split())
    except ValueError as error:
        raise BadSetting(
            msg("GRIDBOARD_PROXIES must be addresses or networks such as 10.0.0.0/8: {reason}."), reason=str(error)
        ) from None
    for network in found:
        if network.prefixlen < (8 if network.version == 4 else 7):
            raise BadSetting(
                msg(
                    "GRIDBOARD_PROXIES: {network} is far more than proxies, and whoever is in it could say who the "
                    "reader is. Write their addresses, such as 127.0.0.1 or 10.0.0.0/8."
                ),
                network=network,
            )
    return found


_TAKEN_HEADERS = re.compile(
    r"(sec|content|accept|access-control|x-gridboard|if|x-forwarded-(for|proto|host|port)|proxy)(-.*)?"
    r"|cookie|host|origin|referer|user-agent|connection|upgrade|transfer-encoding|te|forwarded|authorization|range"
)


def _user_header(value: str) -> str:
    name = value.lower() or USER_HEADER
    if not re.fullmatch(r"[a-z0-9-]+", name) or _TAKEN_HEADERS.fullmatch(name):
        raise BadSetting(
            msg(
                "GRIDBOARD_USER_HEADER must be a header that the proxy alone sets, such as x-remote-user, not {value}."
            ),
            value=value,
        )
    return name


def _provider(given: Mapping[str, str]) -> Provider | None:
    url, name, password = (given.get(f"GRIDBOARD_OIDC_{word}", "") for word in ("URL", "CLIENT_ID", "CLIENT_SECRET"))
    if not (url and name and password):
        return None
    try:
        origin = urlsplit(origin_of(url))
        if origin.scheme != "https" and is_open(origin.hostname or ""):
            raise ValueError(url)
    except ValueError:
        raise BadSetting(
            msg(
                "GRIDBOARD_OIDC_URL must be an https address such as "
                "https://sso.example.gov.cn/.well-known/openid-configuration, not {value}: over http anybody on the "
                "way could say who the reader is."
            ),
            value=_shown(url),
        ) from None
    return Provider(url, name, password, given.get("GRIDBOARD_OIDC_CLAIM") or CLAIM)


# ── single values ───────────────────────────────────────────────────────────────────────────────────────────────────


def _secret(given: Mapping[str, str], name: str) -> str:
    value = given.get(name, "")
    if value and (len(value) < SHORTEST_SECRET or not re.fullmatch(r"[!-~]+", value)):
        raise BadSetting(
            msg("{name} must be at least {n} characters without spaces; `openssl rand -hex 32` makes some."),
            name=name,
            n=SHORTEST_SECRET,
        )
    return value


def _recipient(value: str) -> str:
    if value:
        import pyrage

        try:
            pyrage.x25519.Recipient.from_str(value)
        except pyrage.RecipientError:
            raise BadSetting(
                msg(
                    "GRIDBOARD_BACKUP_RECIPIENT must be an age public key, which begins with age1, not {value}. "
                    "`gridboard backup --new-key` makes a pair."
                ),
                value=value[:60],
            ) from None
    return value


def role_named(value: str) -> str:
    """The role of this name. Raises BadSetting."""
    from repository.access import Role

    if value not in set(Role):
        raise BadSetting(
            msg("GRIDBOARD_ROLE and --role must be one of {roles}, not {value}."), roles=", ".join(Role), value=value
        )
    return value


def _one_of(given: Mapping[str, str], name: str, usual: str, *others: str) -> str:
    value = given.get(name, usual).lower()
    if value not in {usual, *others}:
        raise BadSetting(msg("{name} must be one of: {words}."), name=name, words=", ".join((usual, *others)))
    return value


def _count(given: Mapping[str, str], name: str, usual: int, most: int) -> int:
    value = given.get(name, str(usual))
    if not value.isdecimal() or not 1 <= int(value) <= most:
        raise BadSetting(
            msg("{name} must be a whole number from 1 to {most}, not {value}."), name=name, most=most, value=value
        )
    return int(value)


def default_home() -> str:
    """The folder in which this system keeps a user's data."""
    from platformdirs import user_data_dir

    return user_data_dir("gridboard", appauthor=False)


def port_number(text: str) -> int:
    """A TCP port, 0 for any free one; BadSetting for anything else."""
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise BadSetting(msg("PORT must be a number from 0 to 65535, not {value}."), value=text)
    return int(text)
