//! A small organisation's repository, pushed commit by commit.

use std::fs;
use std::path::Path;

use port_gitops_sandbox::StepResult;
use port_gitops_sandbox::port::blueprints;

use crate::picture;
use crate::stage::{Result, Stage};

/// Plays it, and writes pictures of its pull request into the folder `pictures`.
pub(crate) async fn play(pictures: Option<&Path>) -> Result<()> {
    let mut stage = Stage::new([blueprints::domain(), blueprints::microservice()])?;
    let inputs = [("files", FILES)];

    stage.repository.write("domains.port.yml", DOMAINS);
    stage.repository.write("billing/port.yml", BILLING);
    stage.repository.write("shop/entity.json", SHOP);
    stage.push("Describe the shop", &inputs).await?;

    let shop = SHOP.replace("\"Shop\"", "\"Web Shop\"");
    let billing = BILLING.replace("team: [", "team:   [");
    stage.repository.write("shop/entity.json", &shop);
    stage.repository.write("billing/port.yml", &billing);
    stage
        .push("Rename the shop, and tidy the billing file", &inputs)
        .await?;

    stage.repository.write("mail/port.yml", MAIL_WITH_MISTAKES);
    stage.repository.write("search/port.yml", SEARCH);
    stage.push("Add mail and search", &inputs).await?;

    stage.repository.write("mail/port.yml", MAIL);
    stage.push("Fix the mail service's file", &inputs).await?;

    stage.repository.create_branch("topic")?;
    stage.repository.checkout("topic")?;
    stage
        .repository
        .write("shop/entity.json", &shop.replace("Go", "Rust"));
    stage.repository.write("ads/port.yml", ADS);
    stage.repository.write("cart/port.yml", CART_WITH_MISTAKE);
    let result = stage.pull_request("Add ads and a cart", &inputs).await?;
    if let Some(folder) = pictures {
        draw(folder, &stage, &result)?;
    }

    stage.show_catalog()
}

fn draw(folder: &Path, stage: &Stage, result: &StepResult) -> Result<()> {
    let comment = stage.comment().ok_or("there is no comment")?;
    fs::write(folder.join("plan.svg"), picture::comment(&comment))?;
    let errors = result.commands("error");
    let error = errors.first().ok_or("there is no annotation")?;
    let annotation = picture::annotation(
        error.property("file"),
        CART_WITH_MISTAKE,
        error.property("line").parse()?,
        error.property("title"),
        &error.data,
    );
    fs::write(folder.join("annotation.svg"), annotation)?;
    Ok(())
}

const FILES: &str = "
**/port.yml
**/entity.json => microservice   # these name no blueprint themselves
*.port.yml     => domain
";

const DOMAINS: &str = "\
- identifier: sales
  title: Sales
- identifier: messaging
  title: Messaging
";

const BILLING: &str = "\
identifier: billing
blueprint: microservice
title: Billing
team: [payments]
properties:
  language: Rust
relations:
  domain: sales
";

const SHOP: &str = r#"{
  "identifier": "shop",
  "title": "Shop",
  "properties": {"url": "https://github.com/octo-org/shop", "language": "Go"},
  "relations": {"domain": "sales", "dependsOn": ["billing"]}
}
"#;

const MAIL_WITH_MISTAKES: &str = "\
identifier: mail service
blueprint: microservice
titel: Mail
relations:
  domain: 7
";

const MAIL: &str = "\
identifier: mail-service
blueprint: microservice
title: Mail
relations:
  domain: messaging
";

const SEARCH: &str = "\
identifier: search
blueprint: microservice
title: Search
properties:
  language: COBOL
---
identifier: suggestions
blueprint: microservice
title: Suggestions
properties:
  language: Rust
";

const ADS: &str = "\
identifier: ads
blueprint: microservice
title: Ads
properties:
  language: Go
relations:
  domain: sales
";

const CART_WITH_MISTAKE: &str = "\
identifier: cart
blueprint: microservice
title: Cart
properties:
  langauge: Go
relations:
  domain: sales
";
