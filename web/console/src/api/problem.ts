/** Turns whatever was thrown into what a person reads. */

import { text } from "../strings/index.ts";
import { AwayError, SiteError } from "./site.ts";

/** What went wrong. */
export interface Problem {
  title: string;
  says: string;
  field: string | undefined;
  /** Trying again may help without anything being changed. */
  passing: boolean;
}

/** Explains an error. */
export function problemOf(error: unknown): Problem {
  if (error instanceof AwayError) {
    return { title: text.problem.away, says: text.problem.awaySays, field: undefined, passing: true };
  }
  if (error instanceof SiteError) {
    const title = text.problem.codes[error.code] ?? text.problem.refused;
    return { title, says: error.message, field: error.field, passing: error.status >= 500 };
  }
  if (error instanceof Error) {
    const title = text.problem.names[error.name] ?? text.problem.failed;
    return { title, says: error.message, field: undefined, passing: /^Service/.test(error.name) };
  }
  return { title: text.problem.failed, says: String(error), field: undefined, passing: false };
}

/** Says whether an error means that the thing is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && error.name === "NotFoundException";
}

/** Says whether the server does not serve this at all. */
export function isUnserved(error: unknown): boolean {
  return error instanceof SiteError && error.status === 404;
}
