/** All sessions of the site. */

import { site } from "../../api/site.ts";
import type { OperatorSession } from "../../api/types.ts";
import { useLive } from "../../live/query.ts";
import { ago } from "../../logic/format.ts";
import { text } from "../../strings/index.ts";
import { type Column, List } from "../../ui/list.tsx";
import { SessionStatus } from "../../ui/status.tsx";

const says = text.operator.sessions;

/** The page. */
export default function SessionsPage() {
  const live = useLive("operator sessions", () => site.get<{ sessions: OperatorSession[] }>("operator/sessions"), {
    everyMs: 30_000,
  });
  const columns: Column<OperatorSession>[] = [
    {
      id: "instance",
      header: says.computer,
      isRowHeader: true,
      narrow: true,
      sortingField: "instance",
      cell: (session) => session.instance,
    },
    { id: "account", header: says.account, narrow: true, cell: (session) => session.account.name },
    { id: "blueprint", header: says.blueprint, sortingField: "blueprint", cell: (session) => session.blueprint },
    { id: "status", header: says.status, narrow: true, cell: (session) => <SessionStatus status={session.status} /> },
    {
      id: "expires",
      header: says.expires,
      sortingField: "expiresAt",
      cell: (session) => (session.status === "started" ? ago(session.expiresAt) : text.common.none),
    },
    {
      id: "viewers",
      header: says.viewers,
      cell: (session) =>
        session.viewers.length === 0
          ? text.common.none
          : session.viewers
              .map((viewer) =>
                says.viewer(viewer.by ?? text.viewers.someone, viewer.from, text.viewers.roles[viewer.role]),
              )
              .join("; "),
    },
  ];
  return (
    <List
      live={{ ...live, data: live.data?.sessions }}
      title={text.pages.sessions}
      description={says.says}
      columns={columns}
      idOf={(session) => `${session.account.id} ${session.instance}`}
      search={(session) => `${session.instance} ${session.account.name} ${session.blueprint}`}
      sortedBy="instance"
      variant="full-page"
      empty={{ title: says.none, says: says.noneSays }}
    />
  );
}
