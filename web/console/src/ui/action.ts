/** Something a person asked for: what is under way, what went wrong. */

import { useRef, useState } from "react";
import { type Problem, problemOf } from "../api/problem.ts";
import { nudge } from "../live/changes.ts";
import { flash } from "./flash.tsx";

/** An action of a form or a dialog. */
export interface Action {
  busy: boolean;
  problem: Problem | undefined;
  /** Runs the work, says `done` when it succeeded, and gives whether it did. */
  run(work: () => Promise<unknown>, done?: string): Promise<boolean>;
  clear(): void;
}

/** Makes an action whose faults are shown where it was asked for. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const underWay = useRef(false);
  const run = async (work: () => Promise<unknown>, done?: string): Promise<boolean> => {
    // A second click on its way must not do it twice.
    if (underWay.current) {
      return false;
    }
    underWay.current = true;
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
      if (done !== undefined) {
        flash.success(done);
      }
      return true;
    } catch (error) {
      setProblem(problemOf(error));
      return false;
    } finally {
      underWay.current = false;
      setBusy(false);
      nudge();
    }
  };
  return { busy, problem, run, clear: () => setProblem(undefined) };
}

/** Runs work of a button that has no place of its own for faults; they are said at the top of the page. */
export async function act(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done !== undefined) {
      flash.success(done);
    }
    return true;
  } catch (error) {
    flash.error(error);
    return false;
  } finally {
    nudge();
  }
}
