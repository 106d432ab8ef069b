//! A small organisation's repository, pushed commit by commit.

use port_gitops_sandbox::port::blueprints;

use crate::stage::{Result, Stage};

pub(crate) async fn play() -> Result<()> {
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

    stage.show_catalog()
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
