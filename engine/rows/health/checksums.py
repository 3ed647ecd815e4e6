"""Checksums that tell real numbers from digits by chance: Luhn (cards), mod 97 (IBAN), lengths of phone numbers."""

import string

_IBAN_DIGITS = {letter: str(value) for value, letter in enumerate(string.digits + string.ascii_uppercase)}
SHORTEST_CARD, LONGEST_CARD = 13, 19


def luhn(number: str) -> bool:
    """Whether the digits of a card number (ISO/IEC 7812) are consistent. Other signs are passed over."""
    digits = [int(character) for character in number if character in string.digits]
    if not SHORTEST_CARD <= len(digits) <= LONGEST_CARD or len(set(digits)) == 1:
        return False
    doubled = [
        digit if position % 2 == 0 else digit * 2 - 9 * (digit > 4) for position, digit in enumerate(reversed(digits))
    ]
    return sum(doubled) % 10 == 0


def iban(number: str) -> bool:
    """Whether an IBAN's check digits fit (ISO 13616). Spaces are passed over."""
    plain = "".join(number.split()).upper()
    if not 15 <= len(plain) <= 34 or any(character not in _IBAN_DIGITS for character in plain):
        return False
    return int("".join(_IBAN_DIGITS[character] for character in plain[4:] + plain[:4])) % 97 == 1
