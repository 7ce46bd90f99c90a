// Just enough of onnx.proto to write a graph: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

export type ElementType = 'float' | 'int64' | 'float16'

export interface OnnxTensor {
  name: string
  dims: readonly number[]
  data: Float32Array | BigInt64Array
}

export interface OnnxNode {
  op: string
  inputs: readonly string[]
  output: string
  /** Whole numbers and lists of them; `epsilon` is the one that is none. */
  attributes?: Readonly<Record<string, number | readonly number[]>>
}

/** Name, element type, and its dims; a name stands for what is not fixed. */
export type OnnxValue = readonly [name: string, type: ElementType, dims: readonly (number | string)[]]

export interface OnnxGraph {
  inputs: readonly OnnxValue[]
  outputs: readonly OnnxValue[]
  tensors: readonly OnnxTensor[]
  nodes: readonly OnnxNode[]
}

export const elementTypes: Readonly<Record<ElementType, number>> = { float: 1, int64: 7, float16: 10 }

/** The bytes of a `.onnx` file (IR 8, operators of version 17). */
export function onnxFile({ inputs, outputs, tensors, nodes }: OnnxGraph): Buffer {
  const graph = Buffer.concat([
    ...nodes.map((node) => bytes(1, nodeOf(node))),
    text(2, 'graph'),
    ...tensors.map((tensor) => bytes(5, tensorOf(tensor))),
    ...inputs.map((value) => bytes(11, valueOf(value))),
    ...outputs.map((value) => bytes(12, valueOf(value))),
  ])
  return Buffer.concat([whole(1, 8), text(2, 'hivemind'), bytes(7, graph), bytes(8, Buffer.concat([text(1, ''), whole(2, 17)]))])
}

function nodeOf({ op, inputs, output, attributes = {} }: OnnxNode): Buffer {
  return Buffer.concat([...inputs.map((name) => text(1, name)), text(2, output), text(4, op), ...Object.entries(attributes).map(([name, value]) => bytes(5, attributeOf(name, value)))])
}

function attributeOf(name: string, value: number | readonly number[]): Buffer {
  if (typeof value !== 'number') return Buffer.concat([text(1, name), ...value.map((item) => whole(8, item)), whole(20, 7)])
  if (Number.isInteger(value)) return Buffer.concat([text(1, name), whole(3, value), whole(20, 2)])
  const float = Buffer.alloc(5)
  float.writeUInt8((2 << 3) | 5)
  float.writeFloatLE(value, 1)
  return Buffer.concat([text(1, name), float, whole(20, 1)])
}

function tensorOf({ name, dims, data }: OnnxTensor): Buffer {
  const type = data instanceof Float32Array ? 'float' : 'int64'
  return Buffer.concat([...dims.map((dim) => whole(1, dim)), whole(2, elementTypes[type]), text(8, name), bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength))])
}

function valueOf([name, type, dims]: OnnxValue): Buffer {
  const shape = Buffer.concat(dims.map((dim) => bytes(1, typeof dim === 'number' ? whole(1, dim) : text(2, dim))))
  return Buffer.concat([text(1, name), bytes(2, bytes(1, Buffer.concat([whole(1, elementTypes[type]), bytes(2, shape)])))])
}

function varint(value: number): Buffer {
  const out: number[] = []
  let left = BigInt.asUintN(64, BigInt(value))
  for (; left > 127n; left >>= 7n) out.push(Number(left & 127n) | 128)
  out.push(Number(left))
  return Buffer.from(out)
}

function whole(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)])
}

function bytes(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content])
}

function text(field: number, content: string): Buffer {
  return bytes(field, Buffer.from(content))
}
