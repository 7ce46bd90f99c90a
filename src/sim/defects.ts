/** Deliberate mistakes, to see that the simulator finds them, by what each does. */
export const defects = {
  // Of the simulated server
  noDedupe: 'a message id is not remembered: the same post is stored again',
  noOwner: 'an entry is acknowledged or buried for whoever asks, while somebody holds it',
  noFence: 'an owner is known by its name alone, under whatever fence',
  ackWithoutEffects: 'a commit acknowledges, and its posts are not stored',
  ackWithoutRecords: 'a commit acknowledges, and its records are not stored',
  attemptsLeap: 'each further attempt counts as five',
  buryForgets: 'a buried entry is in no dead letters',
  rangeSkips: 'a read of several entries lacks the first',
  leaseForAll: 'a lease is given to whoever asks',
  leasesVolatile: 'a server that was killed has forgotten its leases',
  sameFence: 'a fence is given twice',
  fenceFromCounter: 'fences are counted, and a server that lost its end counts again',
  noCompare: 'a write of a record that expects a version is done whatever the version is',
  ringForgets: 'the ring that must-arrive messages are caught up from is empty',
  // Of the adapter in front of it
  noRepeat: 'nothing is sent again to a server that was killed',
  repeatsFirstOnly: 'a post that was acknowledged as a duplicate is not sent again',
  noReset: 'nobody is told that the server came back without its last entries',
  deadlineFromReply: 'a lease is believed from its answer on, not from when it was asked for',
} as const

export type Defect = keyof typeof defects
export type Defects = { readonly [Name in Defect]?: boolean }
