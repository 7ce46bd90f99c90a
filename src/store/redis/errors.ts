import { HivemindError, StoreFull, StoreMisconfigured, StoreUnavailable, messageOf } from '../../kernel/errors.ts'

/** What went wrong with a call of Redis, in the runtime's words. `where` names the server without its password. */
export function redisError(error: unknown, where: string): HivemindError {
  if (error instanceof HivemindError) return error
  const text = messageOf(error)
  const reply = text.split(' ', 1)[0] as string
  switch (reply) {
    case 'OOM':
      return new StoreFull(`Redis at ${where} is out of memory (maxmemory): let workers catch up, remove rooms or raise maxmemory; reads and acknowledgements still work`, error)
    case 'WRONGPASS':
      return new StoreMisconfigured(`Redis at ${where} refused the user name or password: check the setting redis (REDIS_URL)`, error)
    case 'NOAUTH':
      return new StoreMisconfigured(`Redis at ${where} wants a password: put it into the setting redis (REDIS_URL), as redis://user:password@host:port`, error)
    case 'NOPERM':
      return new StoreMisconfigured(`the Redis user at ${where} may not do this (${text}): grant it ~<prefix>* &<prefix>* +@all -@dangerous +info`, error)
    case 'NOPROTO':
    case 'ERR':
      if (/unknown command/i.test(text)) return new StoreMisconfigured(`Redis at ${where} is too old or restricted (${text}): version 7.0 or newer is needed`, error)
      if (/without any password|AUTH.*called/i.test(text)) return new StoreMisconfigured(`Redis at ${where} has no password, and the setting redis (REDIS_URL) carries one: take it out or set requirepass`, error)
      break
    case 'MISCONF':
      return new StoreUnavailable(`Redis at ${where} cannot write to its disk and refuses writes: free its disk or check its log`, error)
    case 'LOADING':
      return new StoreUnavailable(`Redis at ${where} is loading its data`, error)
    case 'READONLY':
      return new StoreUnavailable(`Redis at ${where} is a replica now: waiting for the new master`, error)
    case 'CLUSTERDOWN':
      return new StoreUnavailable(`the Redis Cluster at ${where} is down: a master is missing`, error)
  }
  if (error instanceof Error && error.name === 'ReplyError') return new HivemindError('store_error', `Redis at ${where} answered: ${text}`, false, { cause: error })
  return new StoreUnavailable(`Redis at ${where} is away: ${text === '' ? 'no connection' : text}`, error)
}
