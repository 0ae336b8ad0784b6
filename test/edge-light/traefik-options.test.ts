// Every flag and label of ours is an option that Traefik 2.11 documents, so that the default image takes what was tried with
// another version. Options that only version 3 has are the ones that are easily written by mistake.
import { expect, test } from 'vitest'
import { pairsOf, readCompose } from '../support/compose-file.ts'

const REQUIRED = { LETSENCRYPT_EMAIL: 'ops@tollgate.dev', TRAEFIK_DASHBOARD_USERS: 'ops:$2y$05$x' }
const compose = readCompose(REQUIRED)

/** From the references of static configuration (CLI) and of Docker labels; `*` is a name that users choose. */
const FLAGS = `
  accesslog .bufferingsize .filepath .format .fields.defaultmode .fields.names.* .fields.headers.defaultmode
    .fields.headers.names.* .filters.minduration .filters.retryattempts .filters.statuscodes
  api .dashboard .debug .disabledashboardad .insecure
  certificatesresolvers.* .acme.caserver .acme.certificatesduration .acme.email .acme.keytype .acme.preferredchain
    .acme.storage .acme.tlschallenge .acme.httpchallenge .acme.httpchallenge.entrypoint .acme.dnschallenge
    .acme.dnschallenge.provider .acme.dnschallenge.delaybeforecheck .acme.dnschallenge.resolvers .acme.eab.kid
    .acme.eab.hmacencoded
  configfile
  entrypoints.* .address .forwardedheaders.insecure .forwardedheaders.trustedips .http.middlewares
    .http.redirections.entrypoint.to .http.redirections.entrypoint.scheme .http.redirections.entrypoint.permanent
    .http.redirections.entrypoint.priority .http.tls .http.tls.certresolver .http.tls.options
    .http2.maxconcurrentstreams .http3 .http3.advertisedport .proxyprotocol.trustedips .transport.lifecycle.gracetimeout
    .transport.lifecycle.requestacceptgracetimeout .transport.respondingtimeouts.idletimeout
    .transport.respondingtimeouts.readtimeout .transport.respondingtimeouts.writetimeout
  global .checknewversion .sendanonymoususage
  log .filepath .format .level
  metrics.prometheus .addentrypointslabels .addrouterslabels .addserviceslabels .buckets .entrypoint .headerlabels.*
    .manualrouting
  ping .entrypoint .manualrouting .terminatingstatuscode
  providers.docker .allowemptyservices .constraints .defaultrule .endpoint .exposedbydefault .httpclienttimeout .network
    .swarmmode .swarmmoderefreshseconds .usebindportip .watch
  providers.file .debugloggeneratedtemplate .directory .filename .watch
  serverstransport .forwardingtimeouts.dialtimeout .forwardingtimeouts.idleconntimeout
    .forwardingtimeouts.responseheadertimeout .insecureskipverify .maxidleconnsperhost .rootcas`

const LABELS = `
  traefik .enable .docker.network .docker.lbswarm
  traefik.http.routers.* .entrypoints .middlewares .priority .rule .service .tls .tls.certresolver .tls.options
  traefik.http.services.*.loadbalancer .healthcheck.interval .healthcheck.path .healthcheck.port .healthcheck.timeout
    .passhostheader .responseforwarding.flushinterval .server.port .server.scheme .serverstransport .sticky.cookie
  traefik.http.middlewares.* .basicauth.headerfield .basicauth.realm .basicauth.removeheader .basicauth.users
    .basicauth.usersfile .chain.middlewares .compress .compress.excludedcontenttypes .compress.minresponsebodybytes
    .headers.browserxssfilter .headers.contentsecuritypolicy .headers.contenttypenosniff .headers.framedeny
    .headers.referrerpolicy .headers.stsincludesubdomains .headers.stspreload .headers.stsseconds
    .inflightreq.amount .ipallowlist.ipstrategy.depth .ipallowlist.sourcerange .ratelimit.average .ratelimit.burst
    .ratelimit.period .redirectscheme.permanent .redirectscheme.port .redirectscheme.scheme .retry.attempts
    .retry.initialinterval .stripprefix.prefixes`

/** `a .b .c` is a, a.b and a.c. */
function optionsOf(text: string): readonly RegExp[] {
  let head = ''
  return text
    .trim()
    .split(/\s+/)
    .map((word) => {
      if (!word.startsWith('.')) head = word
      const name = word.startsWith('.') ? `${head}${word}` : word
      return new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '[\\w-]+')}$`)
    })
}

const unknownOf = (names: Iterable<string>, options: readonly RegExp[]): string[] =>
  [...names].filter((name) => !options.some((option) => option.test(name)))

test('every flag is one that Traefik 2.11 has', () => {
  const flags = [...pairsOf(compose.services['traefik']?.command ?? []).keys()]
  const names = flags.map((flag) => flag.replace(/^--/, ''))
  expect(unknownOf(names, optionsOf(FLAGS))).toEqual([])
})

test.each(['api-gateway', 'traefik'])('every label of %s is one that Traefik 2.11 has', (name) => {
  const labels = pairsOf(compose.services[name]?.labels ?? [])
  expect(unknownOf(labels.keys(), optionsOf(LABELS))).toEqual([])
})

test('rules are written so that versions 2 and 3 read them alike: one name, and no pattern', () => {
  const labels = Object.values(compose.services).flatMap(({ labels: all = [] }) => [
    ...pairsOf(all),
  ])
  const rules = labels.flatMap(([name, value]) => (name.endsWith('.rule') ? [value] : []))
  expect(rules.length).toBe(12)
  for (const rule of rules) expect(rule).toMatch(/^Host\(`[a-z0-9.-]+`\)$/)
})
