"""Plain distillation: every token through the teacher, PCA, Zipf weights. The start of training, and a baseline."""
import pathlib

import numpy as np
from teacher import Teacher, fetch


def vocabulary(work: pathlib.Path) -> list[str]:
    return (fetch(work) / 'vocab.txt').read_text('utf-8').splitlines()


def dead(vocab: list[str]) -> np.ndarray:
    """The tokens whose row is zero: [PAD], [UNK], [CLS], [SEP], [MASK] and [unused*]."""
    return np.array([t.startswith('[') and t.endswith(']') and len(t) > 2 for t in vocab])


def token_vectors(work: pathlib.Path) -> np.ndarray:
    """Teacher's unit vector of every token alone, [tokens, 384]."""
    path = work / 'tokens.npy'
    if not path.exists():
        np.save(path, Teacher(work).embed_ids([[i] for i in range(len(vocabulary(work)))]))
    return np.load(path)


def pca(vectors: np.ndarray, dims: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean [d] and projection [d, dims] on the directions of largest variance."""
    mean = vectors.mean(0)
    values, directions = np.linalg.eigh(np.cov((vectors - mean).T.astype(np.float64)))
    return mean, directions[:, np.argsort(values)[::-1][:dims]].astype(np.float32)


def zipf(count: int, a: float = 1e-4) -> np.ndarray:
    """SIF weights a / (a + p) with p by Zipf's law over the rank: BERT's vocabulary is roughly sorted by frequency."""
    p = 1 / np.arange(1, count + 1)
    return (a / (a + p / p.sum())).astype(np.float32)


def plain(work: pathlib.Path, dims: int = 256) -> np.ndarray:
    vocab, vectors = vocabulary(work), token_vectors(work)
    alive = ~dead(vocab)
    mean, projection = pca(vectors[alive], dims)
    rows = (vectors - mean) @ projection
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ranks = np.cumsum(alive) - 1
    return rows * zipf(int(alive.sum()))[np.maximum(ranks, 0)][:, None] * alive[:, None]
