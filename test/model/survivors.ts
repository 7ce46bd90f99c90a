const nobody = 'the handler of the attempt is over in this state, so that there is nobody to abort'

/** Mutants that no property can tell from the machine, and why. */
export const equivalent: Record<string, string> = {
  'room-consumer.acknowledging, release -> #room-consumer.released: without abort': nobody,
  'room-consumer.backingOff, overtaken -> #room-consumer.lost: without abort': nobody,
  'room-consumer.backingOff, release -> #room-consumer.released: without abort': nobody,
  'room-consumer.attempting, release -> #room-consumer.released: without abort': nobody,
  'room-consumer.burying, release -> #room-consumer.released: without abort': nobody,
}
