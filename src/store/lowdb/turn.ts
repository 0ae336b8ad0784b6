/** Whatever has arrived by now is worked on before it resolves. */
export const endOfTurn = (): Promise<void> => new Promise(setImmediate)

/** The end of this turn of the event loop, and of the one after it. */
export async function wholeTurn(): Promise<void> {
  await endOfTurn()
  await endOfTurn()
}
