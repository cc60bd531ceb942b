#!/usr/bin/python3
"""Writes unicode_table.h from UnicodeData.txt of the Unicode Character Database, version 15.0.0
(Debian's package unicode-data): unicode_table.py UnicodeData.txt > unicode_table.h"""
import sys

OTHER, PRINTABLE, WORD = 0, 1, 2


def kind_of(category):
    if category[0] == "L" or category == "Nd":
        return WORD
    return PRINTABLE if category[0] in "MNPS" else OTHER


def kinds(path):
    kind, first = [OTHER] * 0x110000, None
    for line in open(path, encoding="ascii"):
        code, name, category = line.split(";")[:3]
        code = int(code, 16)
        if name.endswith(", First>"):
            first = code
            continue
        for character in range(first if first is not None else code, code + 1):
            kind[character] = kind_of(category)
        first = None
    return kind


def main():
    kind, before, entries = kinds(sys.argv[1]), None, []
    for code in range(0x80, 0x110000):
        if kind[code] != before:
            entries.append(f"0x{code << 2 | kind[code]:x},")
            before = kind[code]
    print("/* Written by unicode_table.py from the Unicode Character Database 15.0.0: where a run of")
    print(" * characters of one kind begins (code point × 4 + kind). */")
    print("static const uint32_t unicode_runs[] = {")
    line = ""
    for entry in entries:
        if len(line) + len(entry) > 91:
            print("\t" + line.rstrip())
            line = ""
        line += entry + " "
    print("\t" + line.rstrip())
    print("};")


main()
