// Is the gateway alive? For Docker: see `node scripts/healthcheck.js --help`. It starts every few seconds, so it builds nothing.
await import('../dist/cli/healthcheck.js')
