"""Reads and writes the table (layout in ../MODEL_CARD.md) and embeds with it, as the Node runtime must."""
import hashlib
import pathlib
import struct

import numpy as np
from tokens import tokenizer

MAGIC, VERSION, MAX_TOKENS = b'HVET', 1, 512
HEADER = struct.Struct('<4sIIIII40s')


def write(path: pathlib.Path, model: str, vocab: list[str], rows: np.ndarray) -> None:
    """rows: float [tokens, dims] with every weight folded in; quantised here to int8 with a scale per row."""
    scales = np.abs(rows).max(1) / 127
    ints = np.rint(rows / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    words = '\n'.join(vocab).encode('utf-8')
    name = model.encode('utf-8')
    if len(name) > 40:
        raise ValueError(f'model id of {len(name)} bytes, at most 40')
    body = HEADER.pack(MAGIC, VERSION, *rows.shape, MAX_TOKENS, len(words), name)
    body += scales.astype('<f4').tobytes() + ints.tobytes() + words
    path.write_bytes(body + hashlib.sha256(body).digest())


class Table:
    def __init__(self, path: pathlib.Path):
        data = path.read_bytes()
        if hashlib.sha256(data[:-32]).digest() != data[-32:]:
            raise ValueError(f'{path}: checksum does not match')
        magic, version, rows, dims, self.max_tokens, words, model = HEADER.unpack_from(data)
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError(f'{path}: not a version {VERSION} embedding table')
        self.model = model.rstrip(b'\0').decode()
        at = HEADER.size
        scales = np.frombuffer(data, '<f4', rows, at)
        ints = np.frombuffer(data, np.int8, rows * dims, at + 4 * rows).reshape(rows, dims)
        self.rows = ints.astype(np.float32) * scales[:, None]
        start = at + 4 * rows + rows * dims
        self.vocab = data[start:start + words].decode('utf-8').split('\n')
        self.tokenizer = tokenizer(self.vocab)

    def ids(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids[:self.max_tokens] for encoding in self.tokenizer.encode_batch(texts)]

    def embed(self, texts: list[str]) -> np.ndarray:
        return np.stack([pool(self.rows, ids) for ids in self.ids(texts)])


def pool(rows: np.ndarray, ids: list[int]) -> np.ndarray:
    """Sum of the rows, scaled to length 1; all zeros when nothing is left (empty text, unknown tokens only)."""
    total = rows[ids].astype(np.float64).sum(0) if ids else np.zeros(rows.shape[1])
    length = np.sqrt((total * total).sum())
    return (total / length if length > 1e-12 else total * 0).astype(np.float32)
