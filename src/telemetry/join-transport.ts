import type winston from 'winston'

type Transport = Parameters<winston.Logger['add']>[0]

/** Adds a transport to the logger; the answer takes it away again, which also closes it. */
export function joinTransport(logger: winston.Logger, transport: Transport): () => void {
  logger.add(transport)
  return () => {
    logger.remove(transport)
  }
}
