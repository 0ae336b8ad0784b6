import winston from 'winston'
import { fileTarget, type FileSettings } from './file-target.ts'
import { joinTransport } from './join-transport.ts'
import { linesIn } from './lines-in.ts'
import { tellStderr } from './tell-stderr.ts'

export interface LogSink {
  /** One batch at a time. False: the file did not get it. Never throws. */
  write(lines: Buffer): Promise<boolean>
  close(): Promise<void>
}

export type SinkSettings = FileSettings & Readonly<{ isStdout: boolean }>

/** Where the text of the log goes: winston, with the rotating file and, if wished, standard output behind it. */
export function openLogSink(settings: SinkSettings): LogSink {
  const logger = winston.createLogger({ format: asItIs })
  logger.on('error', (error) => tellStderr('The log failed', error))
  const file = fileTarget(logger, settings)
  const leaveStdout = settings.isStdout ? joinStdout(logger) : () => undefined
  return {
    write(lines) {
      const written = file.expect(lines.byteLength)
      try {
        // Without a transport winston would keep the lines in memory and complain.
        if (logger.transports.length > 0) logger.log({ level: 'info', message: '', lines })
      } catch (error) {
        file.fail(error)
      }
      return written
    },
    async close() {
      await file.close()
      leaveStdout()
      logger.close()
    },
  }
}

/** Winston hands the batch on as it is: its transports write bytes. */
const asItIs = winston.format((info) => info)()

class StdoutTransport extends winston.transports.Stream {
  override log(info: unknown, next: () => void): void {
    process.stdout.write(linesIn(info))
    next()
  }
}

/** A reader of standard output that goes away (`tollgate | head`) ends the log there, not the gateway. */
function joinStdout(logger: winston.Logger): () => void {
  const transport = new StdoutTransport({ stream: process.stdout })
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston's types import the class as a namespace, in which the rule does not recognise it
  const leave = joinTransport(logger, transport)
  let isTold = false
  // Never taken off again: each write already on its way fails on its own, later.
  process.stdout.on('error', (error) => {
    if (!isTold) tellStderr('The log cannot be written to standard output any more', error)
    isTold = true
    leave()
  })
  return leave
}
