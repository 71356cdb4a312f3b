// One Bluesky network on loopback: directory, account server and app view in this process, until its input ends.
// Environment: DB_POSTGRES_URL, REDIS_HOST. Says on its last line of output, as JSON, where the account server is.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const { resolve } = createRequire(`${process.cwd()}/package.json`)
const { TestNetwork } = await import(pathToFileURL(resolve('@atproto/dev-env')))

const network = await TestNetwork.create({
  dbPostgresSchema: 'network',
  pds: {
    rateLimitsEnabled: true,
    redisScratchAddress: process.env.REDIS_HOST,
    rateLimitBypassKey: 'setting-up',
    hostname: 'localhost',
  },
})
process.stdout.write(`\n${JSON.stringify({ pds: network.pds.url, view: network.bsky.url })}\n`)

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
