// The thread of a model that is a folder with an ONNX graph.
import { openOnnxModel } from '../onnx-model.ts'
import type { ModelSource } from '../types.ts'
import { serveThread } from './serve.ts'

serveThread((source) => {
  const { path, ...options } = source as Extract<ModelSource, { kind: 'folder' }>
  return openOnnxModel(path, options)
})
