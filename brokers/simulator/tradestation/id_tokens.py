"""ID tokens signed with RS256, by a key that comes from the simulator's own, so that both live over a restart."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from brokers.simulator.signed import encode

EXPONENT = 65537
HALF = 1024  # bits of each prime
SMALL = tuple(n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2)))


@lru_cache(maxsize=8)
def signing_key(secret: bytes) -> rsa.RSAPrivateKey:
    """The RSA key that belongs to a secret: the same one each time. It proves nothing about real money."""
    candidates = _candidates(secret)
    p = next(n for n in candidates if _is_prime(n))
    q = next(n for n in candidates if _is_prime(n) and n != p)
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    parts = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    return rsa.RSAPrivateNumbers(p, q, d, *parts, public).private_key()


def _candidates(secret: bytes) -> Iterator[int]:
    """Odd numbers of the right size with the two top bits set, from the secret."""
    number = 0
    while True:
        raw = hashlib.shake_256(secret + number.to_bytes(8, "big")).digest(HALF // 8)
        yield int.from_bytes(raw, "big") | 3 << (HALF - 2) | 1
        number += 1


def _is_prime(n: int) -> bool:
    """By small divisors and Miller and Rabin's test; ``n - 1`` must go with the exponent."""
    if any(n % d == 0 for d in SMALL) or (n - 1) % EXPONENT == 0:
        return False
    twos = ((n - 1) & -(n - 1)).bit_length() - 1
    odd = (n - 1) >> twos
    return all(_passes(n, witness, odd, twos) for witness in SMALL[:24])


def _passes(n: int, witness: int, odd: int, twos: int) -> bool:
    x = pow(witness, odd, n)
    if x in (1, n - 1):
        return True
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False


def public_key(secret: bytes) -> dict[str, str]:
    """The key as a JSON Web Key."""
    numbers = signing_key(secret).public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    body = {"kty": "RSA", "n": encode(numbers.n.to_bytes(size, "big")), "e": encode(EXPONENT.to_bytes(3, "big"))}
    thumbprint = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return body | {"use": "sig", "alg": "RS256", "kid": encode(hashlib.sha256(thumbprint).digest())}


def id_token(secret: bytes, claims: Mapping[str, Any]) -> str:
    """The claims as a signed JWT."""
    head = {"alg": "RS256", "typ": "JWT", "kid": public_key(secret)["kid"]}
    signed = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return f"{signed}.{encode(signing_key(secret).sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def at_hash(access_token: str) -> str:
    """The left half of the access token's digest, as OpenID Connect binds the two."""
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
