import type { Events } from '../ports/events.ts'

/** Tells two listeners, the first one first. */
export const bothEvents = (one: Events, other: Events): Events => ({
  answered(route, status, ms) {
    one.answered(route, status, ms)
    other.answered(route, status, ms)
  },
  requestEnded(event) {
    one.requestEnded(event)
    other.requestEnded(event)
  },
  requestRefused(event) {
    one.requestRefused(event)
    other.requestRefused(event)
  },
  serviceAnswered(event) {
    one.serviceAnswered(event)
    other.serviceAnswered(event)
  },
  waited(ms, gotRoom) {
    one.waited(ms, gotRoom)
    other.waited(ms, gotRoom)
  },
  hedged(model, result) {
    one.hedged(model, result)
    other.hedged(model, result)
  },
  continued(model, result) {
    one.continued(model, result)
    other.continued(model, result)
  },
  attemptFailed(event) {
    one.attemptFailed(event)
    other.attemptFailed(event)
  },
  bug(event) {
    one.bug(event)
    other.bug(event)
  },
  notice(message, facts) {
    one.notice(message, facts)
    other.notice(message, facts)
  },
  warning(message, facts) {
    one.warning(message, facts)
    other.warning(message, facts)
  },
  problem(message, facts) {
    one.problem(message, facts)
    other.problem(message, facts)
  },
})
