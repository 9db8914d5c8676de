# SPDX-License-Identifier: GPL-2.0-only
"""A small library that never stops lending books: something for a profiler to look at. Works on any Python 3.

What to expect: most time in Shelf.search and what it calls, less in the statistics, a little in printing."""
import random
import threading

WORDS = "a of the sea night wind stone river last first house long road winter light glass iron bird two years".split()


class Book:
    def __init__(self, title, author, pages):
        self.title, self.author, self.pages = title, author, pages

    def matches(self, words):
        return all(contains(self.title, word) for word in words)


def contains(text, word):
    """Is word in text? Letter by letter, as nobody should."""
    for start in range(len(text) - len(word) + 1):
        if text[start:start + len(word)] == word:
            return True
    return False


class Shelf:
    def __init__(self, books):
        self.books = books

    def search(self, *words):
        return [book for book in self.books if book.matches(words)]

    def longest(self, count):
        return sorted(self.books, key=lambda book: -book.pages)[:count]


def invent_books(rng, count):
    for _ in range(count):
        title = " ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 6)))
        yield Book(title, "%s %s" % (rng.choice(WORDS), rng.choice(WORDS)), rng.randint(80, 900))


def pages_by_author(books):
    pages = {}
    for book in books:
        pages[book.author] = pages.get(book.author, 0) + book.pages
    return pages


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def statistics(shelf):
    pages = pages_by_author(shelf.books)
    return median(pages.values()), max(pages, key=pages.get)


def render(found):
    return "\n".join("%-40s %-20s %5d" % (book.title, book.author, book.pages) for book in found)


def serve_reader(shelf, rng):
    found = shelf.search(rng.choice(WORDS), rng.choice(WORDS))
    return render(found)


def count_stock(shelf):
    """The librarian's thread."""
    while True:
        statistics(shelf)
        shelf.longest(10)


def main():
    rng = random.Random(7)
    shelf = Shelf(list(invent_books(rng, 2000)))
    threading.Thread(target=count_stock, args=(shelf,), name="librarian", daemon=True).start()
    print("ready", flush=True)
    while True:
        serve_reader(shelf, rng)


main()
