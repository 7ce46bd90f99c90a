import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import { guardOf, triggerOf } from './labels.ts'
import { nodesOf, transitionsOf } from './obstacles.ts'

interface Arrow {
  from: string
  to: string
  label: string
}

/** The state diagram of a machine, for Mermaid (`stateDiagram-v2`). */
export function toMermaid(machine: AnyStateMachine): string {
  const lines = ['stateDiagram-v2']
  const draw = (node: AnyStateNode, indent: string): void => {
    const children = Object.values(node.states as Record<string, AnyStateNode>)
    if (node.type === 'compound') lines.push(`${indent}[*] --> ${idOf(node.initial.target![0]!)}`)
    children.forEach((child, index) => {
      if (index > 0 && node.type === 'parallel') lines.push(`${indent}--`)
      if (child.type === 'final') lines.push(`${indent}${idOf(child)} --> [*]`)
      if (Object.keys(child.states).length === 0) {
        lines.push(`${indent}state "${nameOf(child)}" as ${idOf(child)}`)
        return
      }
      lines.push(`${indent}state "${child.key}" as ${idOf(child)} {`)
      draw(child, `${indent}  `)
      lines.push(`${indent}}`)
    })
  }
  draw(machine.root, '  ')
  const root = idOf(machine.root)
  for (const { from, to, label } of arrows(machine)) {
    // Mermaid has no node for the machine as a whole: what every state does is a note.
    if (from === root) lines.push(`  note right of ${to === root ? idOf(firstState(machine)) : to} : from any state, ${label}`)
    else lines.push(`  ${from} --> ${to} : ${label}`)
  }
  return `${lines.join('\n')}\n`
}

/** The state diagram of a machine, for Graphviz. */
export function toDot(machine: AnyStateMachine): string {
  const lines = [`digraph ${JSON.stringify(machine.id)} {`, '  compound=true; rankdir=LR; node [shape=box, style=rounded];']
  const draw = (node: AnyStateNode, indent: string): void => {
    for (const child of Object.values(node.states as Record<string, AnyStateNode>)) {
      if (Object.keys(child.states).length === 0) {
        lines.push(`${indent}${idOf(child)} [label=${JSON.stringify(nameOf(child))}${child.type === 'final' ? ', peripheries=2' : ''}];`)
        continue
      }
      lines.push(`${indent}subgraph cluster_${idOf(child)} {`, `${indent}  label=${JSON.stringify(child.key)};`)
      draw(child, `${indent}  `)
      lines.push(`${indent}}`)
    }
  }
  draw(machine.root, '  ')
  lines.push(`  start [shape=point]; start -> ${leafOf(machine.root)};`)
  for (const transition of transitions(machine)) {
    const { from, to, label } = arrow(transition)
    const [source, target] = [transition.source, transition.target?.[0] ?? transition.source]
    const ends = [...(isLeaf(source) || source === machine.root ? [] : [`ltail=cluster_${from}`]), ...(isLeaf(target) || target === machine.root ? [] : [`lhead=cluster_${to}`])]
    lines.push(`  ${leafOf(source)} -> ${leafOf(target)} [${[`label=${JSON.stringify(label)}`, ...ends].join(', ')}];`)
  }
  return `${[...lines, '}'].join('\n')}\n`
}

function arrows(machine: AnyStateMachine): Arrow[] {
  return transitions(machine).map(arrow)
}

function transitions(machine: AnyStateMachine): AnyTransitionDefinition[] {
  return nodesOf(machine.root).flatMap(transitionsOf)
}

function arrow(transition: AnyTransitionDefinition): Arrow {
  const { source, target } = transition
  const guard = guardOf(transition)
  return { from: idOf(source), to: idOf(target?.[0] ?? source), label: `${triggerOf(transition)}${guard === undefined ? '' : ` [${guard}]`}` }
}

/** History states are marked as usual: H, or H* for a deep one. */
function nameOf({ key, type, history }: AnyStateNode): string {
  return type === 'history' ? `${key} (${history === 'deep' ? 'H*' : 'H'})` : key
}

function isLeaf(node: AnyStateNode): boolean {
  return Object.keys(node.states).length === 0
}

/** Graphviz draws between leaves only. */
function leafOf(node: AnyStateNode): string {
  if (isLeaf(node)) return idOf(node)
  return leafOf(node.type === 'compound' ? node.initial.target![0]! : Object.values(node.states as Record<string, AnyStateNode>)[0]!)
}

function firstState(machine: AnyStateMachine): AnyStateNode {
  return machine.root.type === 'compound' ? machine.root.initial.target![0]! : (Object.values(machine.root.states)[0] as AnyStateNode | undefined) ?? machine.root
}

/** Both languages take plain words only: the dots of an id become underscores, other signs their code. */
function idOf(node: AnyStateNode): string {
  return node.id.replaceAll(/[^A-Za-z0-9]/g, (sign) => (sign === '.' ? '_' : `_x${sign.codePointAt(0)!.toString(16)}_`))
}
