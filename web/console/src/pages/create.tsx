/** Making a computer: everything has a default, so that one click is enough. */

import {
  type Blueprint,
  type Bundle,
  CreateInstancesCommand,
  CreateInstancesFromSnapshotCommand,
  type InstanceSnapshot,
} from "@aws-sdk/client-lightsail";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Tiles from "@cloudscape-design/components/tiles";
import Toggle from "@cloudscape-design/components/toggle";
import { type FormEvent, useState } from "react";
import { send } from "../api/cloud.ts";
import { makeWith } from "../chosen-disks.ts";
import {
  useBlueprints,
  useBundles,
  useDisks,
  useInstanceSnapshots,
  useInstances,
  useKeyPairs,
  usePrices,
} from "../data.ts";
import { useValue } from "../live/value.ts";
import { nameFault } from "../logic/computer.ts";
import { type Choice, defaults, offeredBundles, requestOf } from "../logic/create.ts";
import { DISK_GB, isDiskSize } from "../logic/disks.ts";
import { price, usd } from "../logic/format.ts";
import { go, linkTo } from "../router.ts";
import { text } from "../strings/index.ts";
import { useAction } from "../ui/action.ts";
import { flash } from "../ui/flash.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { Empty, ProblemAlert, Shown } from "../ui/states.tsx";
import { TagFields } from "../ui/tags.tsx";
import { theSite } from "../who.ts";

const says = text.create;

/** The page. `snapshot` names what the computer is made from, if it is not an application. */
export default function CreatePage({ snapshot }: { snapshot: string | undefined }) {
  const blueprints = useBlueprints();
  const bundles = useBundles();
  const instances = useInstances();
  const disks = useDisks();
  const snapshots = useInstanceSnapshots();
  return (
    <Shown live={blueprints}>
      {(applications) => (
        <Shown live={bundles}>
          {(plans) => (
            <Shown live={instances}>
              {(computers) => (
                <Shown live={snapshots}>
                  {(made) => (
                    <Page
                      blueprints={applications}
                      bundles={plans}
                      taken={new Set([...computers, ...(disks.data ?? []), ...made].map((thing) => thing.name ?? ""))}
                      from={made.find((found) => found.name === snapshot)}
                      missing={snapshot !== undefined && made.every((found) => found.name !== snapshot)}
                    />
                  )}
                </Shown>
              )}
            </Shown>
          )}
        </Shown>
      )}
    </Shown>
  );
}

interface PageProps {
  blueprints: Blueprint[];
  bundles: Bundle[];
  taken: ReadonlySet<string>;
  from: InstanceSnapshot | undefined;
  missing: boolean;
}

function Page({ blueprints, bundles, taken, from, missing }: PageProps) {
  const [choice, setChoice] = useState<Choice>(() => first(blueprints, bundles, taken, from));
  const [named, setNamed] = useState(false);
  const action = useAction();
  const zone = useValue(theSite)?.zones[0] ?? "";
  const change = (part: Partial<Choice>): void => setChoice((before) => ({ ...before, ...part }));
  const offered = blueprints.filter((blueprint) => blueprint.isActive !== false);
  const bundle = bundles.find((found) => found.bundleId === choice.bundleId);
  const faultOf = (name: string, others: ReadonlySet<string>) =>
    nameFault(name) ?? (others.has(name) && !action.busy ? "taken" : undefined);
  const fault = faultOf(choice.name, taken);
  const diskFault = choice.disk === undefined ? undefined : faultOf(choice.disk.name, new Set([...taken, choice.name]));
  const diskIsWell = diskFault === undefined && isDiskSize(choice.disk?.sizeGb ?? DISK_GB.least);
  if (missing) {
    return (
      <Empty title={says.snapshotMissing} action={<Button href={linkTo("snapshots")}>{text.pages.snapshots}</Button>} />
    );
  }
  if (offered.length === 0 && from === undefined) {
    return <Empty title={says.nothing} says={says.nothingSays} />;
  }
  const create = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (fault === undefined && diskIsWell && (await action.run(() => make(choice, zone, from)))) {
      flash.success(says.done(choice.name));
      go("computers", choice.name);
    }
  };
  return (
    <form onSubmit={(event) => void create(event)}>
      <Form
        variant="full-page"
        header={
          <Header variant="h1" description={says.says}>
            {from === undefined ? text.pages.create : says.fromSnapshot(from.name ?? "")}
          </Header>
        }
      >
        <SpaceBetween size="l">
          <ProblemAlert problem={action.problem} />
          {from === undefined ? (
            <Application
              offered={offered}
              chosen={choice.blueprintId}
              choose={(blueprintId) => {
                const name = named ? choice.name : defaults([{ blueprintId, isActive: true }], bundles, taken).name;
                change({ blueprintId, name });
              }}
            />
          ) : null}
          <Plan
            bundles={bundlesFor(bundles, from)}
            chosen={choice.bundleId}
            choose={(bundleId) => change({ bundleId })}
          />
          <Container header={<Header variant="h2">{says.name}</Header>}>
            <FormField
              label={says.nameLabel}
              description={says.nameSays}
              errorText={fault === undefined ? undefined : text.nameFaults[fault]}
            >
              <Input
                value={choice.name}
                onChange={({ detail }) => {
                  setNamed(true);
                  change({ name: detail.value });
                }}
                spellcheck={false}
                autoComplete={false}
              />
            </FormField>
          </Container>
          <Saving choice={choice} change={change} />
          <ExtraDisk choice={choice} change={change} fault={diskFault} />
          <More choice={choice} change={change} />
        </SpaceBetween>
      </Form>
      <div className="deciding">
        <SpaceBetween direction="horizontal" size="xs" alignItems="center">
          {bundle === undefined ? null : <Price bundle={bundle} />}
          <Button href={linkTo("computers")} variant="link">
            {text.common.cancel}
          </Button>
          <Button
            variant="primary"
            formAction="submit"
            loading={action.busy}
            disabled={fault !== undefined || !diskIsWell || bundle === undefined}
          >
            {says.submit}
          </Button>
        </SpaceBetween>
      </div>
    </form>
  );
}

function first(
  blueprints: Blueprint[],
  bundles: Bundle[],
  taken: ReadonlySet<string>,
  from: InstanceSnapshot | undefined,
): Choice {
  const choice = defaults(blueprints, bundlesFor(bundles, from), taken);
  if (from === undefined) {
    return choice;
  }
  const stem = (from.fromInstanceName ?? "computer").replace(/-\d+$/, "");
  const name = defaults([{ blueprintId: stem, isActive: true }], bundles, taken).name;
  return { ...choice, name, bundleId: from.fromBundleId ?? choice.bundleId };
}

/** Plans that may be chosen: not smaller than what the snapshot was made of. */
function bundlesFor(bundles: Bundle[], from: InstanceSnapshot | undefined): Bundle[] {
  const least = bundles.find((bundle) => bundle.bundleId === from?.fromBundleId);
  return offeredBundles(bundles).filter(
    (bundle) =>
      least === undefined ||
      ((bundle.cpuCount ?? 0) >= (least.cpuCount ?? 0) &&
        (bundle.ramSizeInGb ?? 0) >= (least.ramSizeInGb ?? 0) &&
        (bundle.diskSizeInGb ?? 0) >= (least.diskSizeInGb ?? 0)),
  );
}

async function make(choice: Choice, zone: string, from: InstanceSnapshot | undefined): Promise<void> {
  const request = requestOf(choice, zone);
  const make = () =>
    from === undefined
      ? send(new CreateInstancesCommand(request))
      : send(new CreateInstancesFromSnapshotCommand({ ...request, instanceSnapshotName: from.name }));
  const { disk } = choice;
  if (disk === undefined) {
    await make();
  } else {
    await makeWith({ ...disk, zone, computer: choice.name, sinceMs: Date.now(), made: false }, make);
  }
}

/** Gives the price of an hour of each plan; undefined while it is not known. */
function useHours(): (bundle: Bundle) => number | undefined {
  const prices = usePrices().data;
  return (bundle) => prices?.bundles.find((found) => found.id === bundle.bundleId)?.pricePerHour;
}

function HourOf({ hour }: { hour: number | undefined }) {
  return hour === undefined ? null : <b>{`${says.perHour(price(hour))},`}</b>;
}

function Price({ bundle }: { bundle: Bundle }) {
  const hour = useHours()(bundle);
  return (
    <Box textAlign="right" padding={{ right: "s" }}>
      <b>{hour === undefined ? "…" : says.perHour(price(hour))}</b>
      <Box color="text-body-secondary" fontSize="body-s">
        {says.perMonth(usd(bundle.price ?? 0))}
      </Box>
    </Box>
  );
}

function Application({
  offered,
  chosen,
  choose,
}: {
  offered: Blueprint[];
  chosen: string;
  choose: (id: string) => void;
}) {
  return (
    <Container header={<Header variant="h2">{says.application}</Header>}>
      <Tiles
        ariaLabel={says.application}
        value={chosen}
        onChange={({ detail }) => choose(detail.value)}
        columns={3}
        items={offered.map((blueprint) => ({
          value: blueprint.blueprintId ?? "",
          label: (
            <span className="named">
              <Glyph of={blueprint.blueprintId ?? ""} />
              <span>{`${blueprint.name} ${blueprint.version ?? ""}`.trim()}</span>
            </span>
          ),
          description: blueprint.description,
        }))}
      />
    </Container>
  );
}

function Plan({ bundles, chosen, choose }: { bundles: Bundle[]; chosen: string; choose: (id: string) => void }) {
  const hours = useHours();
  return (
    <Container
      header={
        <Header variant="h2" description={says.planSays}>
          {says.plan}
        </Header>
      }
    >
      <Tiles
        ariaLabel={says.plan}
        value={chosen}
        onChange={({ detail }) => choose(detail.value)}
        columns={4}
        items={bundles.map((bundle) => ({
          value: bundle.bundleId ?? "",
          label: bundle.name ?? "",
          description: (
            <>
              {says.planHas(bundle.cpuCount ?? 0, bundle.ramSizeInGb ?? 0, bundle.diskSizeInGb ?? 0)}
              <br />
              <HourOf hour={hours(bundle)} /> {says.perMonth(usd(bundle.price ?? 0))}
            </>
          ),
        }))}
      />
    </Container>
  );
}

interface PartProps {
  choice: Choice;
  change: (part: Partial<Choice>) => void;
}

function Saving({ choice, change }: PartProps) {
  const { idle } = choice;
  return (
    <Container header={<Header variant="h2">{says.saving}</Header>}>
      <SpaceBetween size="m">
        <Toggle
          checked={idle !== undefined}
          description={says.idleSays}
          onChange={({ detail }) => change({ idle: detail.checked ? { threshold: 5, minutes: 30 } : undefined })}
        >
          {says.idle}
        </Toggle>
        {idle === undefined ? null : (
          <div className="fields">
            <FormField label={says.threshold}>
              <Input
                type="number"
                inputMode="numeric"
                value={String(idle.threshold)}
                onChange={({ detail }) => change({ idle: { ...idle, threshold: Number(detail.value) } })}
              />
            </FormField>
            <FormField label={says.minutes}>
              <Input
                type="number"
                inputMode="numeric"
                value={String(idle.minutes)}
                onChange={({ detail }) => change({ idle: { ...idle, minutes: Number(detail.value) } })}
              />
            </FormField>
          </div>
        )}
      </SpaceBetween>
    </Container>
  );
}

function ExtraDisk({ choice, change, fault }: PartProps & { fault: keyof typeof text.nameFaults | undefined }) {
  const { disk } = choice;
  const perGb = usePrices().data?.diskGbMonth;
  return (
    <Container header={<Header variant="h2">{says.disk}</Header>}>
      <SpaceBetween size="m">
        <Toggle
          checked={disk !== undefined}
          description={says.diskSays}
          onChange={({ detail }) =>
            change({ disk: detail.checked ? { name: `${choice.name}-data`, sizeGb: 32 } : undefined })
          }
        >
          {says.addDisk}
        </Toggle>
        {disk === undefined ? null : (
          <div className="fields">
            <FormField label={says.diskName} errorText={fault === undefined ? undefined : text.nameFaults[fault]}>
              <Input
                value={disk.name}
                onChange={({ detail }) => change({ disk: { ...disk, name: detail.value } })}
                spellcheck={false}
              />
            </FormField>
            <FormField
              label={says.diskSize}
              description={perGb === undefined ? undefined : says.perMonth(usd(perGb * disk.sizeGb))}
              errorText={isDiskSize(disk.sizeGb) ? undefined : text.disks.sizeFault(DISK_GB.least, DISK_GB.most)}
            >
              <Input
                type="number"
                inputMode="numeric"
                value={String(disk.sizeGb)}
                onChange={({ detail }) => change({ disk: { ...disk, sizeGb: Number(detail.value) } })}
              />
            </FormField>
          </div>
        )}
      </SpaceBetween>
    </Container>
  );
}

function More({ choice, change }: PartProps) {
  const keyPairs = useKeyPairs().data ?? [];
  const options = [
    { value: "", label: says.defaultKeyPair },
    ...keyPairs
      .filter((pair) => pair.name !== "LightsailDefaultKeyPair")
      .map((pair) => ({ value: pair.name ?? "", label: pair.name ?? "" })),
  ];
  return (
    <ExpandableSection variant="container" headerText={says.more} headerDescription={says.moreSays}>
      <SpaceBetween size="l">
        <Toggle
          checked={choice.autoSnapshot !== undefined}
          description={says.autoSnapshotSays}
          onChange={({ detail }) => change({ autoSnapshot: detail.checked ? "06:00" : undefined })}
        >
          {says.autoSnapshot}
        </Toggle>
        <FormField label={says.keyPair} description={says.keyPairSays}>
          <Select
            selectedOption={options.find((option) => option.value === choice.keyPairName) ?? null}
            options={options}
            onChange={({ detail }) => change({ keyPairName: detail.selectedOption.value ?? "" })}
          />
        </FormField>
        <FormField label={says.script} description={says.scriptSays}>
          <Textarea
            value={choice.userData}
            rows={4}
            spellcheck={false}
            onChange={({ detail }) => change({ userData: detail.value })}
          />
        </FormField>
        <FormField label={text.pages.tags} stretch>
          <TagFields tags={choice.tags} change={(tags) => change({ tags })} />
        </FormField>
      </SpaceBetween>
    </ExpandableSection>
  );
}
