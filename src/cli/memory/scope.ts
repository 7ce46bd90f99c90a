import { Option } from 'commander'
import type { Command } from 'commander'
import type { Hive, Memory, MemoryKind, Scope } from '../../hive.ts'
import { projectOf } from '../../project.ts'
import { withHive } from '../command.ts'
import type { HiveFlags } from '../command.ts'
import { UsageError } from '../exit.ts'

/** The flags by which a command finds its memories. */
export interface ScopeFlags extends HiveFlags {
  project?: string
  allProjects?: boolean
  session?: string
  agent?: string
  kind?: MemoryKind
  json?: boolean
}

export function withScope(made: Command): Command {
  return withHive(made)
    .option('--project <name>', 'the project (default: that of the working folder, by its git repository)')
    .option('--all-projects', 'the memories of all projects')
    .option('--session <id>', 'only what belongs to this session')
    .option('--agent <name>', 'only what belongs to this agent')
    .option('--json', 'print JSON')
}

export function kindOption(about: string): Option {
  return new Option('--kind <kind>', about).choices(['episodic', 'semantic'])
}

/** Which memories are meant; without a word about projects, those of the project one stands in. */
export function scopeOf({ project, allProjects, session, agent }: ScopeFlags): Scope {
  if (project !== undefined && allProjects) throw new UsageError('give either --project or --all-projects')
  const named = project ?? (allProjects ? undefined : projectOf(process.cwd()))
  return { ...(named !== undefined && { project: named }), ...(session !== undefined && { session }), ...(agent !== undefined && { agent }) }
}

/** The memory for the person at the terminal. */
export function memoryOf(hive: Hive): Memory {
  return hive.memory.as({ channel: 'user', name: process.env.USER || 'cli' })
}
