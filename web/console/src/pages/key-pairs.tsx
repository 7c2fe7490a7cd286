/** SSH key pairs of the account. */

import {
  CreateKeyPairCommand,
  DeleteKeyPairCommand,
  ImportKeyPairCommand,
  type KeyPair,
} from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { send } from "../api/cloud.ts";
import { useKeyPairs } from "../data.ts";
import { freeName, nameFault } from "../logic/computer.ts";
import { when } from "../logic/format.ts";
import { text } from "../strings/index.ts";
import { act } from "../ui/action.ts";
import { Ask, FormDialog, TellDialog } from "../ui/dialog.tsx";
import { type Column, List } from "../ui/list.tsx";
import { Code, SaveButton } from "../ui/once.tsx";
import { DEFAULT_PAIR, saveDefaultKey } from "./computer/keys.tsx";

const says = text.keyPairs;

/** The page. */
export default function KeyPairsPage() {
  const live = useKeyPairs();
  const [asks, setAsks] = useState<"create" | "import" | KeyPair>();
  const [made, setMade] = useState<{ name: string; key: string }>();
  const close = (): void => setAsks(undefined);
  const taken = new Set((live.data ?? []).map((pair) => pair.name ?? ""));
  const columns: Column<KeyPair>[] = [
    {
      id: "name",
      header: says.name,
      isRowHeader: true,
      narrow: true,
      sortingField: "name",
      cell: (pair) => (pair.name === DEFAULT_PAIR ? says.default(DEFAULT_PAIR) : pair.name),
    },
    { id: "fingerprint", header: says.fingerprint, cell: (pair) => <code>{pair.fingerprint}</code> },
    { id: "created", header: says.created, sortingField: "createdAt", cell: (pair) => when(pair.createdAt) },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (pair) =>
        pair.name === DEFAULT_PAIR ? (
          <Button
            iconName="download"
            variant="icon"
            ariaLabel={text.keys.download}
            onClick={() => void act(saveDefaultKey)}
          />
        ) : (
          <Button
            iconName="remove"
            variant="icon"
            ariaLabel={says.deleteOf(pair.name ?? "")}
            onClick={() => setAsks(pair)}
          />
        ),
    },
  ];
  return (
    <>
      <List
        live={live}
        title={text.pages.keyPairs}
        description={says.says}
        columns={columns}
        idOf={(pair) => pair.name ?? ""}
        search={(pair) => pair.name ?? ""}
        sortedBy="name"
        variant="full-page"
        empty={{ title: says.none, says: says.noneSays }}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setAsks("import")}>{says.import}</Button>
            <Button variant="primary" onClick={() => setAsks("create")}>
              {says.create}
            </Button>
          </SpaceBetween>
        }
      />
      {asks === "create" ? <Create taken={taken} close={close} made={(name, key) => setMade({ name, key })} /> : null}
      {asks === "import" ? <Import taken={taken} close={close} /> : null}
      {typeof asks === "object" ? (
        <Ask
          title={says.deleteTitle(asks.name ?? "")}
          loses={[says.deleteLoses]}
          keeps={[says.deleteKeeps]}
          confirm={says.delete}
          done={says.deleted(asks.name ?? "")}
          work={() => send(new DeleteKeyPairCommand({ keyPairName: asks.name }))}
          close={close}
        />
      ) : null}
      {made === undefined ? null : (
        <TellDialog title={says.made(made.name)} close={() => setMade(undefined)} size="large">
          <SpaceBetween size="m">
            <p>{says.once}</p>
            <SaveButton name={`${made.name}.pem`} content={made.key} type="application/x-pem-file">
              {says.save}
            </SaveButton>
            <Code label={says.private} value={made.key} />
          </SpaceBetween>
        </TellDialog>
      )}
    </>
  );
}

function Create({
  taken,
  close,
  made,
}: {
  taken: ReadonlySet<string>;
  close: () => void;
  made: (name: string, key: string) => void;
}) {
  const [name, setName] = useState(() => freeName("key", taken));
  const fault = nameFault(name);
  const work = async (): Promise<void> => {
    const { privateKeyBase64 } = await send(new CreateKeyPairCommand({ keyPairName: name }));
    made(name, privateKeyBase64 ?? "");
  };
  return (
    <FormDialog title={says.create} submit={says.create} disabled={fault !== undefined} work={work} close={close}>
      <FormField label={says.name} errorText={fault === undefined ? undefined : text.nameFaults[fault]}>
        <Input value={name} onChange={({ detail }) => setName(detail.value)} spellcheck={false} />
      </FormField>
    </FormDialog>
  );
}

function Import({ taken, close }: { taken: ReadonlySet<string>; close: () => void }) {
  const [name, setName] = useState(() => freeName("key", taken));
  const [key, setKey] = useState("");
  const fault = nameFault(name);
  return (
    <FormDialog
      title={says.import}
      submit={says.import}
      done={says.imported(name)}
      disabled={fault !== undefined || key.trim() === ""}
      work={() => send(new ImportKeyPairCommand({ keyPairName: name, publicKeyBase64: key.trim() }))}
      close={close}
    >
      <FormField label={says.name} errorText={fault === undefined ? undefined : text.nameFaults[fault]}>
        <Input value={name} onChange={({ detail }) => setName(detail.value)} spellcheck={false} />
      </FormField>
      <FormField label={says.public} description={says.publicSays}>
        <Textarea
          value={key}
          rows={5}
          placeholder="ssh-ed25519 AAAA…"
          spellcheck={false}
          onChange={({ detail }) => setKey(detail.value)}
        />
      </FormField>
    </FormDialog>
  );
}
