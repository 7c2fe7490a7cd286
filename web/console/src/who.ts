/** Who is signed in, and at which site. */

import { aim } from "./api/cloud.ts";
import { signedInAgain, signedOut, site } from "./api/site.ts";
import type { Session, Site } from "./api/types.ts";
import { forgetAll } from "./live/query.ts";
import { Value } from "./live/value.ts";

/** The site; undefined until it has answered. */
export const theSite = new Value<Site | undefined>(undefined);
/** Who is signed in; null when nobody is, undefined while that is not known. */
export const who = new Value<Session | null | undefined>(undefined);

/** Asks the site who is signed in. */
export async function arrive(): Promise<void> {
  const found = await site.get<Site>("site");
  theSite.set(found);
  if (!found.signedIn) {
    who.set(null);
    return;
  }
  signedIn(await site.get<Session>("session"));
}

/** Takes note of who signed in. Nothing of another person stays. */
export function signedIn(session: Session): void {
  const before = who.get();
  if (before?.person.id !== session.person.id || before.account.id !== session.account.id) {
    forgetAll();
  }
  aim(theSite.get()?.region ?? "us-east-2");
  who.set(session);
  signedInAgain();
}

/** Signs out, here or everywhere, and forgets what was shown. */
export async function signOut(everywhere: boolean): Promise<void> {
  await site.post("sign-out", { everywhere });
  leave();
}

function leave(): void {
  forgetAll();
  aim(theSite.get()?.region ?? "us-east-2");
  who.set(null);
  signedOut.set(false);
  location.hash = "#/";
}
