"""Makes `netchat/chat/confusables.py` from the tables inside ICU (a system library):

python -m tests.chat.make_confusables > netchat/chat/confusables.py
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterator

from precis_i18n import get_profile

HEAD = '''"""Which characters look alike: the confusables of Unicode {version} (UTS 39).

Groups end with `;`: what is looked like, then all that looks like it, in hexadecimal. Only what
a user name can hold is listed. Taken out of ICU by `tests.chat.make_confusables`.

The data are Unicode's: Copyright 1991-2022 Unicode, Inc. All rights reserved. Distributed
under the Terms of Use in https://www.unicode.org/copyright.html. Permission is granted, free
of charge, to any person obtaining a copy of the Unicode data files to deal in them without
restriction, provided that this copyright and permission notice appears with all copies. They
are provided "as is", without warranty of any kind.
"""

from __future__ import annotations

TABLE = """'''


def icu() -> tuple[str, Callable[[str], str]]:
    """ICU's version of Unicode, and its skeletons."""
    name = ctypes.util.find_library("icui18n") or sys.exit("There is no ICU here.")
    library = ctypes.CDLL(name)
    suffix = re.findall(r"\d+$", name)[0]
    common = ctypes.CDLL(name.replace("i18n", "uc"))
    version = (ctypes.c_uint8 * 4)()
    getattr(common, f"u_getUnicodeVersion_{suffix}")(version)
    error = ctypes.c_int(0)
    checker = getattr(library, f"uspoof_open_{suffix}")
    checker.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(checker(ctypes.byref(error)))
    call = getattr(library, f"uspoof_getSkeletonUTF8_{suffix}")

    def skeleton(text: str) -> str:
        data, out = text.encode(), ctypes.create_string_buffer(256)
        size = call(handle, 0, data, len(data), out, 256, ctypes.byref(error))
        assert error.value <= 0, error.value
        return out.raw[:size].decode()

    return ".".join(map(str, version[:2])), skeleton


def characters() -> Iterator[str]:
    """All that a name can hold, once it is decomposed."""
    enforce = get_profile("UsernameCasePreserved").enforce
    for character in map(chr, (*range(0xD800), *range(0xE000, 0x110000))):
        category = unicodedata.category(character)
        fits = category[0] in "LM" or category == "Nd" or character in "_-."
        if fits and unicodedata.normalize("NFD", character) == character:
            for neighbour in ("a", "\u05d0"):
                try:
                    enforce(neighbour + character)
                except UnicodeEncodeError:
                    continue
                yield character
                break


def main() -> None:
    version, skeleton = icu()
    groups: dict[str, list[str]] = {}
    for character in characters():
        if (target := skeleton(character)) != character:
            groups.setdefault(target, []).append(character)
    text = "; ".join(
        " ".join([".".join(f"{ord(c):X}" for c in target), *(f"{ord(c):X}" for c in sources)])
        for target, sources in sorted(groups.items())
    )
    sys.stdout.write(HEAD.format(version=version))
    sys.stdout.write("\n".join(textwrap.wrap(text, 98)).join("\n\n"))
    sys.stdout.write('"""\n')


if __name__ == "__main__":
    main()
