"""The mean of two tables that were trained on from one another: `average.py OUT MODEL ONE OTHER`."""
import pathlib
import sys

from table import Table, write

if __name__ == '__main__':
    out, model, *paths = sys.argv[1:]
    one, other = (Table(pathlib.Path(path)) for path in paths)
    write(pathlib.Path(out), model, one.vocab, (one.rows + other.rows) / 2)
