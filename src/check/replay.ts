import type { AnyStateMachine } from 'xstate'
import { InvalidArgument } from '../kernel/errors.ts'
import { isModel, modelStepper, type Model } from './model.ts'
import { machineStepper } from './machine.ts'
import { isProduct, productName, type Product, type ProductEvent } from './product.ts'
import { ProductSpace } from './product-space.ts'
import type { Replay } from './result.ts'
import type { PathStep } from './space.ts'
import { runPath } from './states.ts'
import { withTraps } from './traps.ts'

/**
 * Runs the events of a counterexample again, e.g. one that was saved as JSON, and gives every state on the way; the loop, if there is one, is gone round once.
 * Throws InvalidArgument when it belongs to another machine.
 */
export function replay<E>(subject: AnyStateMachine | Model<any, any> | Product<any>, { machine, input, root, events, loop = [] }: Replay<E>): PathStep<E>[] {
  const name = isProduct(subject) ? productName(subject.product) : isModel(subject) ? (subject.name ?? 'model') : subject.id
  if (name !== machine) throw new InvalidArgument('machine', `this is a run of "${machine}", and the machine given is "${name}"`)
  const all = [...events, ...loop]
  if (isProduct(subject)) return withTraps((traps) => new ProductSpace(subject.product, traps).run(root, all as ProductEvent[])) as PathStep<E>[]
  return runPath<any, any, any>(isModel(subject) ? modelStepper(subject) : machineStepper(subject, { events: [], input }), root, all)
}
