import { isDeepStrictEqual } from 'node:util'
import type { StoredRecord, WriteResult } from '../../store/ports.ts'
import type { Operation, SequentialModel } from './linearizable.ts'

export type RecordCall =
  | { kind: 'get'; result: StoredRecord | undefined }
  | { kind: 'write'; value: unknown; expect?: number; result: WriteResult }
  /** Its writer was not told, or it went through the journal, which compares with a base of its own. */
  | { kind: 'unsure'; value: unknown }

/** A record on its own: `value` is undefined, and `version` 0, while it does not exist. */
export function recordModel(init: StoredRecord | undefined): SequentialModel<StoredRecord, RecordCall> {
  const present = (state: StoredRecord): StoredRecord | undefined => (state.version === 0 ? undefined : state)
  const written = (state: StoredRecord, value: unknown): StoredRecord => (value === undefined ? { value, version: 0 } : { value, version: state.version + 1 })
  return {
    init: init ?? { value: undefined, version: 0 },
    key: ({ value, version }) => `${version} ${JSON.stringify(value)}`,
    step(state, { call }: Operation<RecordCall>) {
      if (call.kind === 'get') return isDeepStrictEqual(call.result, present(state)) ? state : undefined
      if (call.kind === 'unsure') return written(state, call.value)
      const fits = call.expect === undefined || call.expect === state.version
      if (!call.result.ok) return !fits && isDeepStrictEqual(call.result.current, present(state)) ? state : undefined
      const next = written(state, call.value)
      return fits && call.result.version === (call.value === undefined ? state.version : next.version) ? next : undefined
    },
  }
}
