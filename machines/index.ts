import type { AnyStateMachine } from 'xstate'
import { agentRunProperties, answeredRunProperties, resumedRunProperties } from './agent-run.properties.ts'
import { agentRunMachine } from './agent-run.ts'
import { embedderWorkerProperties, keptWorkerProperties } from './embedder-worker.properties.ts'
import { embedderWorkerMachine } from './embedder-worker.ts'
import { leaseProperties } from './lease.properties.ts'
import { leaseSystem, leaseSystemProperties } from './lease.system.ts'
import { leaseMachine } from './lease.ts'
import { memoryPressureProperties } from './memory-pressure.properties.ts'
import { memoryPressureMachine } from './memory-pressure.ts'
import { modelLifecycleProperties } from './model-lifecycle.properties.ts'
import { allFaults, memoryLiveness, memoryProperties, memorySystem } from './model-lifecycle.system.ts'
import { modelLifecycleMachine } from './model-lifecycle.ts'
import { redisLinkProperties } from './redis-link.properties.ts'
import { outageProperties, outageSystem } from './redis-link.system.ts'
import { redisLinkMachine } from './redis-link.ts'
import { resumedConsumerProperties, roomConsumerProperties } from './room-consumer.properties.ts'
import { consumerGroup, consumerGroupProperties } from './room-consumer.system.ts'
import { roomConsumerMachine } from './room-consumer.ts'
import { syncConflictProperties } from './sync-conflict.properties.ts'
import { settlementProperties, settlementSystem } from './sync-conflict.system.ts'
import { syncConflictMachine } from './sync-conflict.ts'
import { supervisorProperties } from './supervisor.properties.ts'
import { supervisorMachine } from './supervisor.ts'
import { trainerJobProperties } from './trainer-job.properties.ts'
import { trainingProperties, trainingSystem } from './trainer-job.system.ts'
import { trainerJobMachine } from './trainer-job.ts'

/** A machine, the surroundings it is explored in and what must hold there, by name. */
export interface ShippedMachine {
  machine: AnyStateMachine
  models: Record<string, object>
  /** It, or several of it, at work on one thing; a function of the machine, so that mistakes can be planted in it. */
  systems: Record<string, { system: (machine?: any) => object; properties: object }>
}

export const machines: Record<string, ShippedMachine> = {
  supervisor: { machine: supervisorMachine, models: supervisorProperties, systems: {} },
  'room-consumer': {
    machine: roomConsumerMachine,
    models: {
      'a new entry': roomConsumerProperties,
      'an entry held before': resumedConsumerProperties,
      'an entry tried too often': { ...resumedConsumerProperties, input: { ...resumedConsumerProperties.input, attempt: 2 }, reachable: {} },
    },
    systems: { 'two consumers of one entry': { system: consumerGroup, properties: consumerGroupProperties } },
  },
  lease: {
    machine: leaseMachine,
    models: { 'one contender': leaseProperties },
    systems: { 'two contenders for a lease': { system: leaseSystem, properties: leaseSystemProperties } },
  },
  'embedder-worker': { machine: embedderWorkerMachine, models: { 'a thread that idles': embedderWorkerProperties, 'a thread that is kept': keptWorkerProperties }, systems: {} },
  'redis-link': { machine: redisLinkMachine, models: { 'an outage': redisLinkProperties }, systems: { 'a node, its journal, the store and a crash': { system: outageSystem, properties: outageProperties } } },
  'sync-conflict': {
    machine: syncConflictMachine,
    models: { 'one settlement': syncConflictProperties },
    systems: { 'two settlements of one conflict': { system: settlementSystem, properties: settlementProperties } },
  },
  'memory-pressure': { machine: memoryPressureMachine, models: { 'a budget and four models': memoryPressureProperties }, systems: {} },
  'model-lifecycle': {
    machine: modelLifecycleMachine,
    models: { 'one model': modelLifecycleProperties },
    systems: {
      '2 models': { system: (lifecycle) => memorySystem({ sizes: [2, 2], budget: 2, faults: allFaults, ...(lifecycle && { lifecycle }) }), properties: memoryLiveness },
      '3 models': { system: (lifecycle) => memorySystem({ sizes: [1, 2, 2], budget: 3, faults: ['outOfMemory', 'lost'], symmetric: true, ...(lifecycle && { lifecycle }) }), properties: memoryProperties },
      '4 models': { system: (lifecycle) => memorySystem({ sizes: [1, 1, 1, 1], budget: 2, faults: ['outOfMemory', 'lost'], symmetric: true, ...(lifecycle && { lifecycle }) }), properties: memoryProperties },
    },
  },
  'trainer-job': { machine: trainerJobMachine, models: { 'an attempt at a job': trainerJobProperties }, systems: { 'two nodes and one training job': { system: trainingSystem, properties: trainingProperties } } },
  'agent-run': {
    machine: agentRunMachine,
    models: { 'a new run': agentRunProperties, 'a run whose process died': resumedRunProperties, 'a run that had its answer': answeredRunProperties },
    systems: {},
  },
}
