/** Reaching a computer by SSH. */

import {
  DeleteKnownHostKeysCommand,
  DownloadDefaultKeyPairCommand,
  GetInstanceAccessDetailsCommand,
} from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { send } from "../../api/cloud.ts";
import { useLive } from "../../live/query.ts";
import { linkTo } from "../../router.ts";
import { text } from "../../strings/index.ts";
import { act } from "../../ui/action.ts";
import { Ask } from "../../ui/dialog.tsx";
import { List } from "../../ui/list.tsx";
import { Code, saveAs } from "../../ui/once.tsx";
import type { ComputerProps } from "./props.ts";

const says = text.keys;
export const DEFAULT_PAIR = "LightsailDefaultKeyPair";

/** Gives the browser the default pair's private key as a file. */
export async function saveDefaultKey(): Promise<void> {
  const { privateKeyBase64 } = await send(new DownloadDefaultKeyPairCommand({}));
  saveAs(`${DEFAULT_PAIR}.pem`, privateKeyBase64 ?? "", "application/x-pem-file");
}

/** The tab. */
export function KeysTab({ instance, name }: ComputerProps) {
  const pair = instance.sshKeyName ?? DEFAULT_PAIR;
  const user = instance.username ?? "";
  const address = instance.publicIpAddress ?? instance.privateIpAddress;
  const [asks, setAsks] = useState(false);
  const running = instance.state?.name === "running";
  const live = useLive(
    `host keys ${name} ${running}`,
    async () => {
      if (!running) {
        return [];
      }
      const { accessDetails } = await send(
        new GetInstanceAccessDetailsCommand({ instanceName: name, protocol: "ssh" }),
      );
      return accessDetails?.hostKeys ?? [];
    },
    { still: true },
  );
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header variant="h2" description={says.says}>
            {says.connect}
          </Header>
        }
      >
        <SpaceBetween size="m">
          <KeyValuePairs
            columns={3}
            items={[
              { label: says.user, value: user },
              { label: says.address, value: address ?? text.common.none },
              { label: says.pair, value: <a href={linkTo("key-pairs")}>{pair}</a> },
            ]}
          />
          {address === undefined ? null : <Code label={says.command} value={`ssh -i ${pair}.pem ${user}@${address}`} />}
          {pair === DEFAULT_PAIR ? (
            <Button iconName="download" onClick={() => void act(saveDefaultKey)}>
              {says.download}
            </Button>
          ) : null}
        </SpaceBetween>
      </Container>
      <List
        live={live}
        title={says.hostKeys}
        description={says.hostKeysSays}
        columns={[
          { id: "algorithm", header: says.algorithm, isRowHeader: true, narrow: true, cell: (key) => key.algorithm },
          {
            id: "fingerprint",
            header: says.fingerprint,
            narrow: true,
            cell: (key) => <code>{key.fingerprintSHA256}</code>,
          },
        ]}
        idOf={(key) => `${key.algorithm} ${key.fingerprintSHA256}`}
        empty={{ title: running ? says.noHostKeys : says.notRunning }}
        actions={
          <Button disabled={(live.data ?? []).length === 0} onClick={() => setAsks(true)}>
            {says.forget}
          </Button>
        }
      />
      {asks ? (
        <Ask
          title={says.forgetTitle}
          loses={[says.forgetLoses]}
          confirm={says.forget}
          done={says.forgotten}
          work={async () => {
            await send(new DeleteKnownHostKeysCommand({ instanceName: name }));
            live.reload();
          }}
          close={() => setAsks(false)}
        />
      ) : null}
    </SpaceBetween>
  );
}
