/** What is talked about in one session of the made transcripts. */
export interface Told {
  session: string
  project: 'harbor' | 'lantern'
  exchanges: readonly { user: string; assistant: string; bash?: { command: string; output: string } }[]
}

export interface Question {
  question: string
  /** The session that answers it. */
  session: string
  project: Told['project']
}

/** Ten sessions over two projects, each with something worth remembering. */
export const told: readonly Told[] = [
  { session: 'a1-deploy', project: 'harbor', exchanges: [
    { user: 'How should we roll out the new release? Last time the site was down for minutes.', assistant: 'Blue-green: the new version starts beside the old one, and the load balancer is switched once /ready answers. The old containers stay for 15 minutes so that a rollback is only a switch back.' },
    { user: 'Good. And only on Tuesdays and Thursdays before noon, nobody wants to fix things on a Friday night.', assistant: 'Noted in docs/release.md: releases go out on Tuesday and Thursday mornings, and the pipeline refuses to deploy at other times unless the label hotfix is set.', bash: { command: 'git add docs/release.md && git commit -m "docs: when we release"', output: '[main 3f2a91c] docs: when we release\n 1 file changed, 12 insertions(+)' } },
  ] },
  { session: 'a2-timeout', project: 'harbor', exchanges: [
    { user: 'The checkout test fails about once in ten runs with "socket hang up". Find out why.', assistant: 'The payment stub closes idle connections after 5 s, while the HTTP agent keeps them for 60 s. When the pool hands out a connection the stub has just closed, the request dies. I set keepAliveTimeout of the stub to 65 s; 200 runs passed.', bash: { command: 'npx vitest run test/checkout --repeats 200', output: ' Test Files  1 passed (1)\n      Tests  200 passed (200)\n   Duration  94.12s' } },
    { user: 'Could the same thing happen in production?', assistant: 'Yes, between the gateway and the payment service. The gateway keeps connections for 60 s and the service for 5 s. I opened a change that raises the service to 65 s, which must be more than the gateway has.' },
  ] },
  { session: 'a3-money', project: 'harbor', exchanges: [
    { user: 'Totals are off by a cent in some invoices.', assistant: 'Prices are added up as floating-point numbers. I moved all amounts to integer cents, with a Money type that carries the currency; rounding happens once, at the end, half to even.' },
    { user: 'Japanese yen have no cents, mind that.', assistant: 'Handled: the Money type knows the number of minor digits of each currency (0 for JPY, 3 for KWD), taken from the ISO 4217 table in src/money/currencies.ts.' },
  ] },
  { session: 'a4-database', project: 'harbor', exchanges: [
    { user: 'We need to decide between Postgres and Mongo for the order history.', assistant: 'I compared both for our queries: reports need joins over orders, customers and refunds, and we want transactions over two tables. Postgres it is; the schema is in db/schema.sql.' },
    { user: 'Fine, and never run migrations from the application at start-up, two instances raced last year.', assistant: 'Migrations now run as a job of their own before the rollout (npm run migrate), under an advisory lock, and the application only checks that the schema version is the one it was built for.' },
  ] },
  { session: 'a5-images', project: 'harbor', exchanges: [
    { user: 'Product pages are slow on phones.', assistant: 'The pictures are 4 MB each. I added a resize step with sharp that writes AVIF and WebP in widths of 480, 960 and 1600 pixels, and the page asks for them with srcset. The largest contentful paint went from 6.1 s to 1.9 s on a mid-range phone.' },
    { user: 'The marketing team uploads PNGs with transparency, do they survive?', assistant: 'They do: AVIF and WebP keep the alpha channel. Only the JPEG fallback is flattened on white.' },
  ] },
  { session: 'b1-sensors', project: 'lantern', exchanges: [
    { user: 'The greenhouse sensors report a humidity of 0 every night around three.', assistant: 'The radio module restarts at 03:00 for its update check, and the first reading after a restart is always zero because the sensor needs 80 ms to warm up. The firmware now throws away the first two readings after a restart.' },
    { user: 'Is it flashed on all of them?', assistant: 'On 11 of 12. Number 7, in the tomato row, does not answer over the air; somebody has to go there with a cable.', bash: { command: 'lanternctl fleet status', output: 'nodes 12\nfirmware 2.4.1 on 11\nunreachable: node-07 (tomatoes)' } },
  ] },
  { session: 'b2-battery', project: 'lantern', exchanges: [
    { user: 'Batteries last six weeks instead of the half year we promised.', assistant: 'The accelerometer was never put to sleep: it alone draws 180 microamperes. With it off between measurements the node needs 22 microamperes on average, which gives about 7 months on two AA cells.' },
    { user: 'What about cold nights?', assistant: 'Alkaline cells lose about 40% at -10 degrees. For outdoor nodes we use lithium cells (L91), which keep nearly all of it.' },
  ] },
  { session: 'b3-protocol', project: 'lantern', exchanges: [
    { user: 'Which protocol do the nodes use to talk to the hub?', assistant: 'LoRa at 868 MHz with spreading factor 9, and a payload in CBOR, because JSON did not fit into the 51 bytes that we may send with the worst data rate.' },
    { user: 'Keep the duty cycle in mind, it is the law.', assistant: 'The hub schedules each node so that it stays below 1% air time: one packet of 120 ms every 5 minutes is 0.04%. The firmware refuses to send more than 36 s in an hour.' },
  ] },
  { session: 'b4-valves', project: 'lantern', exchanges: [
    { user: 'On Saturday a valve stayed open all night and flooded the beds.', assistant: 'The command to close was lost and nobody repeated it. A valve now closes by itself after 20 minutes unless it is told again to stay open, and the hub raises an alarm when the flow meter still counts after a close.' },
    { user: 'Who gets the alarm?', assistant: 'Whoever is on duty in the calendar "irrigation", by SMS; after 10 minutes without an answer it goes to Maria.' },
  ] },
  { session: 'b5-charts', project: 'lantern', exchanges: [
    { user: 'The dashboard freezes the browser when somebody picks a whole year.', assistant: 'It drew half a million points. The server now reduces a series to at most 2,000 points with largest-triangle-three-buckets, which keeps peaks visible, and the chart asks again when you zoom in.' },
    { user: 'And the time zone bug in spring?', assistant: 'Days were cut at 24 hours of 3600 s. They are cut by calendar day in Europe/Madrid now, so the day with 23 hours is right as well.' },
  ] },
]

/** Asked in other words than the sessions use. */
export const questions: readonly Question[] = [
  { question: 'On which days may we ship a new version?', session: 'a1-deploy', project: 'harbor' },
  { question: 'How do we avoid downtime during a rollout?', session: 'a1-deploy', project: 'harbor' },
  { question: 'Why was the flaky checkout test failing?', session: 'a2-timeout', project: 'harbor' },
  { question: 'keep-alive between gateway and payment service', session: 'a2-timeout', project: 'harbor' },
  { question: 'How are amounts of money represented?', session: 'a3-money', project: 'harbor' },
  { question: 'currencies without decimals', session: 'a3-money', project: 'harbor' },
  { question: 'Which database did we choose for orders and why?', session: 'a4-database', project: 'harbor' },
  { question: 'When are schema migrations executed?', session: 'a4-database', project: 'harbor' },
  { question: 'What did we do about big pictures on mobile?', session: 'a5-images', project: 'harbor' },
  { question: 'Why do humidity readings drop to zero at night?', session: 'b1-sensors', project: 'lantern' },
  { question: 'Which sensor could not be updated remotely?', session: 'b1-sensors', project: 'lantern' },
  { question: 'How long do the batteries last now?', session: 'b2-battery', project: 'lantern' },
  { question: 'batteries in frost', session: 'b2-battery', project: 'lantern' },
  { question: 'What radio and encoding do nodes use?', session: 'b3-protocol', project: 'lantern' },
  { question: 'What is the legal limit on air time?', session: 'b3-protocol', project: 'lantern' },
  { question: 'What happens when the message to shut a valve gets lost?', session: 'b4-valves', project: 'lantern' },
  { question: 'Who is notified about flooding?', session: 'b4-valves', project: 'lantern' },
  { question: 'How did we make the yearly graph fast?', session: 'b5-charts', project: 'lantern' },
  { question: 'daylight saving time problem', session: 'b5-charts', project: 'lantern' },
]
