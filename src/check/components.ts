import type { Edges } from './explore.ts'

/**
 * The strongly connected components of the states in `member` (Tarjan, without recursion), each as a list of states.
 * A state that reaches only itself is a component of one.
 */
export function components(states: ArrayLike<number>, member: (state: number) => boolean, { offset, target }: Edges, size: number): number[][] {
  const index = new Int32Array(size).fill(-1)
  const low = new Int32Array(size)
  const onStack = new Uint8Array(size)
  const stack: number[] = []
  const callState: number[] = []
  const callEdge: number[] = []
  const found: number[][] = []
  let counter = 0

  const enter = (state: number): void => {
    index[state] = low[state] = counter++
    stack.push(state)
    onStack[state] = 1
    callState.push(state)
    callEdge.push(offset.at(state))
  }
  for (let position = 0; position < states.length; position++) {
    const start = states[position]!
    if (index[start] !== -1) continue
    enter(start)
    while (callState.length > 0) {
      const top = callState.length - 1
      const state = callState[top]!
      const edge = callEdge[top]!
      if (edge < offset.at(state + 1)) {
        callEdge[top] = edge + 1
        const next = target.at(edge)
        if (!member(next)) continue
        if (index[next] === -1) enter(next)
        else if (onStack[next]) low[state] = Math.min(low[state]!, index[next]!)
        continue
      }
      callState.pop()
      callEdge.pop()
      const caller = callState.at(-1)
      if (caller !== undefined) low[caller] = Math.min(low[caller]!, low[state]!)
      if (low[state] !== index[state]) continue
      const component: number[] = []
      let popped: number
      do {
        popped = stack.pop()!
        onStack[popped] = 0
        component.push(popped)
      } while (popped !== state)
      found.push(component)
    }
  }
  return found
}
