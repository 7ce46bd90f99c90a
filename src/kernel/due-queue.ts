/** Something to be run at a time. Those of one time run in the order of their numbers. */
export interface Due {
  at: number
  order: number
  run: () => void
}

/** A heap: the next one is first. */
export class DueQueue {
  readonly #heap: Due[] = []

  get first(): Due | undefined {
    return this.#heap[0]
  }

  /** In no order. */
  all(): readonly Due[] {
    return this.#heap
  }

  push(due: Due): void {
    const heap = this.#heap
    let hole = heap.length
    heap.push(due)
    for (let parent = (hole - 1) >> 1; hole > 0 && before(due, heap[parent] as Due); parent = (hole - 1) >> 1) {
      heap[hole] = heap[parent] as Due
      hole = parent
    }
    heap[hole] = due
  }

  /** Removes the first. */
  pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Due
    if (heap.length === 0) return
    let hole = 0
    for (let child = 1; child < heap.length; child = hole * 2 + 1) {
      const right = heap[child + 1]
      if (right !== undefined && before(right, heap[child] as Due)) child++
      if (!before(heap[child] as Due, last)) break
      heap[hole] = heap[child] as Due
      hole = child
    }
    heap[hole] = last
  }
}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
