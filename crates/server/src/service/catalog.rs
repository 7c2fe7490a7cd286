//! GetBlueprints, GetBundles, GetRegions: what may be asked for.

use porthole_api::{
    Error, page_token,
    types::{
        AppCategory, AvailabilityZone, Blueprint, BlueprintType, Bundle, GetBlueprintsRequest, GetBlueprintsResult,
        GetBundlesRequest, GetBundlesResult, GetRegionsRequest, GetRegionsResult, InstancePlatform, Region, RegionName,
    },
};
use porthole_model::catalog;

use super::PAGE_ROWS;
use crate::dispatch::Request;

/// GetBlueprints: without `appCategory` those of plain Lightsail, with it those of Lightsail for Research; some are both.
/// One whose image the operator has not built is inactive.
pub async fn blueprints(cx: Request<'_>, input: GetBlueprintsRequest) -> Result<GetBlueprintsResult, Error> {
    let inactive = input.include_inactive == Some(true);
    let mut offered = Vec::new();
    for blueprint in &cx.app.catalog.blueprints {
        let is_active = blueprint.is_active && cx.app.driver.ensure_image(&blueprint.image).await.is_ok();
        offered.push(catalog::Blueprint { is_active, ..blueprint.clone() });
    }
    let wanted = offered.iter().filter(|blueprint| inactive || blueprint.is_active);
    let research = input.app_category.is_some();
    let wanted = wanted.filter(|blueprint| if research { blueprint.lfr } else { blueprint.lightsail });
    let wanted = wanted.map(|from| blueprint(from, research));
    let (blueprints, next_page_token) = page(cx, "GetBlueprints", input.page_token.as_deref(), wanted)?;
    Ok(GetBlueprintsResult { blueprints: Some(blueprints), next_page_token })
}

/// GetBundles, likewise.
pub async fn bundles(cx: Request<'_>, input: GetBundlesRequest) -> Result<GetBundlesResult, Error> {
    let inactive = input.include_inactive == Some(true);
    let bundles = cx.app.catalog.current_bundles();
    let wanted = bundles.iter().filter(|bundle| inactive || bundle.is_active);
    let research = input.app_category.is_some();
    let wanted = wanted.filter(|bundle| if research { bundle.lfr } else { bundle.lightsail });
    let wanted = wanted.map(|from| bundle(from, research));
    let (bundles, next_page_token) = page(cx, "GetBundles", input.page_token.as_deref(), wanted)?;
    Ok(GetBundlesResult { bundles: Some(bundles), next_page_token })
}

/// GetRegions: the one this server answers for.
pub async fn regions(cx: Request<'_>, input: GetRegionsRequest) -> Result<GetRegionsResult, Error> {
    let zone = |name: &String| AvailabilityZone { zone_name: Some(name.clone()), state: Some("available".into()) };
    let zones = cx.app.config.zones.iter().map(zone).collect();
    Ok(GetRegionsResult {
        regions: Some(vec![Region {
            availability_zones: Some(if input.include_availability_zones == Some(true) { zones } else { Vec::new() }),
            continent_code: continent(&cx.app.config.region).map(str::to_owned),
            description: Some("This Porthole server".into()),
            display_name: Some(cx.app.config.region.clone()),
            name: RegionName::from_wire(&cx.app.config.region),
            relational_database_availability_zones: Some(Vec::new()),
        }]),
    })
}

/// Gives the continent a region is on. That of the Asian and Pacific regions is not told apart by their names.
fn continent(region: &str) -> Option<&'static str> {
    match region.split('-').next()? {
        "us" | "ca" => Some("NA"),
        "sa" => Some("SA"),
        "eu" => Some("EU"),
        _ => None,
    }
}

fn blueprint(from: &catalog::Blueprint, research: bool) -> Blueprint {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Blueprint {
        app_category: research.then_some(AppCategory::LfR),
        blueprint_id: Some(from.id.clone()),
        description: some(&from.description),
        group: some(&from.group),
        is_active: Some(from.is_active),
        license_url: some(&from.license_url),
        min_power: Some(0),
        name: Some(from.name.clone()),
        platform: Some(InstancePlatform::LinuxUnix),
        product_url: some(&from.product_url),
        r#type: Some(match from.kind {
            catalog::BlueprintKind::Os => BlueprintType::Os,
            catalog::BlueprintKind::App => BlueprintType::App,
        }),
        version: some(&from.version),
        version_code: Some("1".into()),
    }
}

fn bundle(from: &catalog::Bundle, research: bool) -> Bundle {
    let whole = |number: u32| i32::try_from(number).ok();
    Bundle {
        bundle_id: Some(from.id.clone()),
        cpu_count: whole(from.vcpus),
        disk_size_in_gb: whole(from.disk_gb),
        instance_type: Some(from.instance_type.clone()),
        is_active: Some(from.is_active),
        name: Some(from.name.clone()),
        power: whole(from.power),
        price: Some(from.price_per_month as f32),
        public_ipv4_address_count: Some(1),
        ram_size_in_gb: Some(from.ram_gb as f32),
        supported_app_categories: research.then(|| vec![AppCategory::LfR]),
        supported_platforms: Some(vec![InstancePlatform::LinuxUnix]),
        transfer_per_month_in_gb: whole(from.transfer_gb),
    }
}

/// Cuts one page out of a list that fits in memory; the token is the position, bound to account and action.
fn page<T>(
    cx: Request<'_>,
    action: &str,
    token: Option<&str>,
    all: impl Iterator<Item = T>,
) -> Result<(Vec<T>, Option<String>), Error> {
    let (key, context) = (cx.app.page_key(), super::page_context(cx, action));
    let start: usize = match token {
        None => 0,
        Some(token) => page_token::decode(&key, &context, token)?
            .parse()
            .map_err(|_| Error::invalid_input("pageToken is not one that this action gave out."))?,
    };
    let mut rows: Vec<T> = all.skip(start).take(PAGE_ROWS + 1).collect();
    let more = rows.len() > PAGE_ROWS;
    rows.truncate(PAGE_ROWS);
    Ok((rows, more.then(|| page_token::encode(&key, &context, &(start + PAGE_ROWS).to_string()))))
}
