/** Who looks at a session now, and links that let others look. */

import Button from "@cloudscape-design/components/button";
import DatePicker from "@cloudscape-design/components/date-picker";
import FormField from "@cloudscape-design/components/form-field";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { queryOf, site } from "../../api/site.ts";
import type { Share, Viewer, ViewRole } from "../../api/types.ts";
import { useDisplays, useSession } from "../../data.ts";
import { useLive } from "../../live/query.ts";
import { ago, when, words } from "../../logic/format.ts";
import { type Ends, endOf } from "../../logic/share.ts";
import { text } from "../../strings/index.ts";
import { act } from "../../ui/action.ts";
import { Ask, FormDialog, TellDialog } from "../../ui/dialog.tsx";
import { List } from "../../ui/list.tsx";
import { Copied } from "../../ui/once.tsx";

const says = text.viewers;
const EVERY_MS = 30_000;

/** The tab. */
export function ViewersTab({ name }: { name: string }) {
  return (
    <SpaceBetween size="l">
      <Viewers name={name} />
      <Shares name={name} />
    </SpaceBetween>
  );
}

function Viewers({ name }: { name: string }) {
  const live = useLive(
    `viewers ${name}`,
    () => site.get<{ viewers: Viewer[] }>(`viewers${queryOf({ instance: name })}`),
    {
      everyMs: EVERY_MS,
    },
  );
  return (
    <List
      live={{ ...live, data: live.data?.viewers }}
      title={says.title}
      columns={[
        { id: "who", header: says.who, isRowHeader: true, narrow: true, cell: (viewer) => viewer.by ?? says.someone },
        { id: "role", header: says.role, narrow: true, cell: (viewer) => says.roles[viewer.role] },
        { id: "display", header: says.display, cell: (viewer) => words(viewer.display) },
        { id: "from", header: says.from, cell: (viewer) => viewer.from },
        { id: "since", header: says.since, cell: (viewer) => ago(viewer.since) },
        { id: "by", header: says.through, cell: (viewer) => (viewer.share === null ? says.ownLink : says.sharedLink) },
        {
          id: "end",
          header: text.common.actions,
          narrow: true,
          cell: (viewer) => (
            <Button
              wrapText={false}
              ariaLabel={says.disconnectOf(viewer.by ?? says.someone, viewer.from)}
              onClick={() => void act(() => site.delete(`viewers/${encodeURIComponent(viewer.id)}`), says.disconnected)}
            >
              {says.disconnect}
            </Button>
          ),
        },
      ]}
      idOf={(viewer) => viewer.id}
      empty={{ title: says.none, says: says.noneSays }}
    />
  );
}

function Shares({ name }: { name: string }) {
  const live = useLive(`shares ${name}`, () => site.get<{ shares: Share[] }>(`shares${queryOf({ instance: name })}`), {
    everyMs: EVERY_MS,
  });
  const session = useSession(name);
  const started = session?.status === "started";
  const [asks, setAsks] = useState<"share" | Share>();
  const [url, setUrl] = useState<string>();
  return (
    <>
      <List
        live={{ ...live, data: live.data?.shares }}
        title={says.shares}
        description={started ? says.sharesSays : says.onlyStarted}
        columns={[
          {
            id: "display",
            header: says.display,
            isRowHeader: true,
            narrow: true,
            cell: (share) => words(share.display),
          },
          { id: "role", header: says.role, narrow: true, cell: (share) => says.roles[share.role] },
          { id: "ends", header: says.ends, cell: (share) => when(share.expiresAt) },
          { id: "by", header: says.madeBy, cell: (share) => share.createdBy },
          { id: "viewers", header: says.connected, cell: (share) => share.viewers },
          {
            id: "revoke",
            header: text.common.actions,
            narrow: true,
            cell: (share) => (
              <Button
                wrapText={false}
                ariaLabel={says.revokeOf(share.display, share.role)}
                onClick={() => setAsks(share)}
              >
                {says.revoke}
              </Button>
            ),
          },
        ]}
        idOf={(share) => share.id}
        empty={{ title: says.noShares, says: says.noSharesSays }}
        actions={
          <Button disabled={!started} onClick={() => setAsks("share")}>
            {says.share}
          </Button>
        }
      />
      {asks === "share" ? <MakeShare name={name} close={() => setAsks(undefined)} made={setUrl} /> : null}
      {url === undefined ? null : (
        <TellDialog title={says.made} close={() => setUrl(undefined)}>
          <SpaceBetween size="m">
            <p>{says.madeSays}</p>
            <Copied label={says.link} value={url} />
          </SpaceBetween>
        </TellDialog>
      )}
      {typeof asks === "object" ? (
        <Ask
          title={says.revokeTitle}
          loses={[says.revokeLoses(asks.viewers)]}
          confirm={says.revoke}
          done={says.revoked}
          work={() => site.delete(`shares/${encodeURIComponent(asks.id)}`)}
          close={() => setAsks(undefined)}
        />
      ) : null}
    </>
  );
}

const ENDS: Ends[] = ["hour", "day", "week", "date"];

function MakeShare({ name, close, made }: { name: string; close: () => void; made: (url: string) => void }) {
  const displays = useDisplays(name).data;
  const [display, setDisplay] = useState<string>();
  const [role, setRole] = useState<ViewRole>("view");
  const [ends, setEnds] = useState<Ends>("hour");
  const [date, setDate] = useState("");
  const chosen = display ?? displays?.primary ?? displays?.displays[0] ?? "";
  const end = endOf(ends, date, Date.now());
  const work = async (): Promise<void> => {
    const share = await site.post<Share & { url: string }>("shares", {
      instance: name,
      display: chosen,
      role,
      expiresAt: end,
    });
    made(share.url);
  };
  return (
    <FormDialog
      title={says.shareTitle(name)}
      submit={says.share}
      disabled={end === undefined || chosen === ""}
      work={work}
      close={close}
    >
      {(fault) => (
        <>
          <FormField label={says.display} errorText={fault("display")}>
            <Select
              selectedOption={{ value: chosen, label: words(chosen) }}
              options={(displays?.displays ?? []).map((value) => ({ value, label: words(value) }))}
              onChange={({ detail }) => setDisplay(detail.selectedOption.value)}
            />
          </FormField>
          <FormField label={says.role} errorText={fault("role")}>
            <RadioGroup
              value={role}
              items={(["view", "control"] as const).map((value) => ({
                value,
                label: says.roles[value],
                description: says.roleSays[value],
              }))}
              onChange={({ detail }) => setRole(detail.value as ViewRole)}
            />
          </FormField>
          <FormField label={says.ends} description={says.endsSays} errorText={fault("expiresAt")}>
            <Select
              selectedOption={{ value: ends, label: says.endsIn[ends] }}
              options={ENDS.map((value) => ({ value, label: says.endsIn[value] }))}
              onChange={({ detail }) => setEnds(detail.selectedOption.value as Ends)}
            />
          </FormField>
          {ends === "date" ? (
            <FormField label={says.date}>
              <DatePicker
                value={date}
                onChange={({ detail }) => setDate(detail.value)}
                placeholder="YYYY/MM/DD"
                openCalendarAriaLabel={() => says.date}
                isDateEnabled={(at) => endOf("date", at.toISOString().slice(0, 10), Date.now()) !== undefined}
              />
            </FormField>
          ) : null}
        </>
      )}
    </FormDialog>
  );
}
