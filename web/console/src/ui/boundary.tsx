/** Keeps a fault of one page from taking the others with it. */

import { Component, type ReactNode } from "react";
import { text } from "../strings/index.ts";
import { ProblemAlert } from "./states.tsx";

/** Shows what is in it, or that it failed. */
export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) {
      return this.props.children;
    }
    // A part of the page that is not there any more after an upgrade comes with a reload.
    const problem = { title: text.problem.page, says: text.problem.pageSays, field: undefined, passing: true };
    return <ProblemAlert problem={problem} retry={() => location.reload()} />;
  }
}
