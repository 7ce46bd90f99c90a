import { Argument } from 'commander'
import type { Command } from 'commander'
import { command } from '../command.ts'
import type { Cli } from '../command.ts'
import type { RedisRole } from '../redis-conf.ts'

export function redisConfCommand(cli: Cli): Command {
  return command('redis-conf', 'print a tuned redis.conf, or a Compose file', ['redis-conf durable > redis.conf', 'redis-conf cache --maxmemory 16gb', 'redis-conf durable --compose > compose.yaml'])
    .addArgument(new Argument('<role>', 'durable: what must not be lost; cache: what may be').choices(['durable', 'cache']))
    .option('--compose', 'a Compose file instead of a redis.conf')
    .option('--maxmemory <size>', 'as Redis writes it: 512mb, 4gb')
    .action(async (role: RedisRole, flags: { compose?: boolean; maxmemory?: string }) => {
      const { redisConf } = await import('../redis-conf.ts')
      cli.io.out(redisConf(role, flags).trimEnd())
    })
}
