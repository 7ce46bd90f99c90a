import { embedderWorkerMachine } from '../../machines/embedder-worker.ts'
import type { EmbedderItem, EmbedderWorkerInput, GiveBackReason } from '../../machines/embedder-worker.ts'
import { startEmbedderThread } from '../../src/embedding/thread/handle.ts'
import type { EmbedderThread } from '../../src/embedding/thread/handle.ts'
import type { ModelInfo, ModelSource, Purpose } from '../../src/embedding/types.ts'
import { defineMachineActor } from '../../src/kernel/define-machine.ts'
import type { AnyRef } from '../../src/kernel/types.ts'

export interface EmbedderWorkerActorInput {
  settings: EmbedderWorkerInput
  source: ModelSource
  module: URL
  slot: WorkerSlot
}

/** What the pool hears of one worker. */
export interface WorkerSlot {
  threads: Map<number, EmbedderThread>
  /** Of the run that was answered last. */
  vectors?: Float32Array
  textsOf(items: readonly EmbedderItem[]): { purpose: Purpose; texts: string[] }
  ready(info: ModelInfo): void
  answered(items: readonly EmbedderItem[], vectors: Float32Array): void
  givenBack(again: readonly EmbedderItem[], failed: readonly EmbedderItem[], reason: GiveBackReason): void
  /** It may take work again, or will say that it does not. */
  perhapsFree(): void
  problem(error: Error): void
}

/** One thread of the pool, as the machine `embedder-worker` decides. */
export const embedderWorker = defineMachineActor({
  name: 'embedder-worker',
  machine: embedderWorkerMachine,
  input: ({ settings }: EmbedderWorkerActorInput) => settings,
  effects: {
    spawn({ thread }, ctx) {
      const { slot, source, module } = ctx.input
      const self: AnyRef = ctx.self
      // Left over by an incarnation that failed.
      for (const [old, left] of slot.threads) {
        left.abandon()
        left.terminate()
        slot.threads.delete(old)
      }
      slot.threads.set(thread, startEmbedderThread(source, module, {
        ready(info) {
          self.tell({ type: 'ready', thread })
          slot.ready(info)
        },
        answered(run, vectors) {
          slot.vectors = vectors
          self.tell({ type: 'answered', run })
        },
        failed(run, error) {
          slot.problem(error)
          self.tell({ type: 'failed', run })
        },
        exited(cause) {
          slot.threads.delete(thread)
          if (cause !== undefined) slot.problem(cause)
          self.tell({ type: 'exited', thread })
          slot.perhapsFree()
        },
      }))
    },
    run({ thread, run, items }, ctx) {
      const { purpose, texts } = ctx.input.slot.textsOf(items)
      ctx.input.slot.threads.get(thread)?.run(run, purpose, texts)
    },
    terminate({ thread }, ctx) {
      ctx.input.slot.threads.get(thread)?.terminate()
    },
    abandon({ thread }, ctx) {
      const { slot } = ctx.input
      slot.threads.get(thread)?.abandon()
      slot.threads.delete(thread)
      slot.perhapsFree()
    },
    answer({ items }, ctx) {
      const { slot } = ctx.input
      const { vectors } = slot
      slot.vectors = undefined
      slot.answered(items, vectors as Float32Array)
    },
    giveBack({ again, failed, reason }, ctx) {
      ctx.input.slot.givenBack(again, failed, reason)
    },
  },
})

