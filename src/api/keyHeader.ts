/** Carries a request's key. Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ (its value without quotes). */
export const KEY_HEADER = "idempotency-key";
