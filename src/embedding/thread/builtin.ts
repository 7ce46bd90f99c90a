// The thread of the model in the repository: it needs no ONNX Runtime, and is up at once.
import { openBuiltinModel } from '../builtin-model.ts'
import { serveThread } from './serve.ts'

serveThread(() => openBuiltinModel())
