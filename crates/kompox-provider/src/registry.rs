//! Finds the factory of a driver by its id (DRV-25, DRV-26). Pure; the binary registers what it was built with.

use kompox_model::port::{Driver, ErrorKind, PortError};
use kompox_model::{Provider, Workspace, driver};
use std::collections::BTreeMap;

/// Makes a driver for a workspace and provider; validates the provider's settings (DRV-27).
pub type Factory =
    Box<dyn Fn(Option<&Workspace>, &Provider) -> Result<Box<dyn Driver>, PortError> + Send + Sync>;

/// An id that is registered already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the driver `{0}` is registered twice")]
pub struct Duplicate(pub &'static str);

/// The drivers that a program was built with.
#[derive(Default)]
pub struct Registry {
    factories: BTreeMap<&'static str, Factory>,
}

impl Registry {
    /// A registry without drivers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a driver.
    ///
    /// # Errors
    /// An id that is registered already; the first registration stays.
    pub fn register<F>(&mut self, id: &'static str, factory: F) -> Result<(), Duplicate>
    where
        F: Fn(Option<&Workspace>, &Provider) -> Result<Box<dyn Driver>, PortError> + Send + Sync + 'static,
    {
        if self.factories.contains_key(id) {
            return Err(Duplicate(id));
        }
        self.factories.insert(id, Box::new(factory));
        Ok(())
    }

    /// The registered ids in alphabetical order.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.factories.keys().copied()
    }

    /// Makes the driver that `provider` names.
    ///
    /// # Errors
    /// Unsupported for a known driver that is not built in, Invalid for an unknown id; both list what is built in.
    /// Otherwise those of the factory.
    pub fn create(
        &self,
        workspace: Option<&Workspace>,
        provider: &Provider,
    ) -> Result<Box<dyn Driver>, PortError> {
        let id = provider.driver.as_str();
        if let Some(factory) = self.factories.get(id) {
            return factory(workspace, provider);
        }
        let built_in = self.ids().collect::<Vec<_>>().join(", ");
        let error =
            |kind| PortError::new(kind, "drivers", "find driver of", format!("provider {}", provider.name));
        Err(match driver::find(id) {
            Some(_) => error(ErrorKind::Unsupported)
                .detail(format!("driver `{id}` is not supported by this program, which has: {built_in}")),
            None => error(ErrorKind::Invalid)
                .detail(format!("there is no driver `{id}`; this program has: {built_in}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, Memory};

    fn registry() -> Registry {
        let mut registry = Registry::new();
        registry.register(memory::ID, memory::factory(Memory::new())).unwrap();
        registry
    }

    fn provider(driver: &str) -> Provider {
        Provider {
            name: "prv".parse().unwrap(),
            driver: driver.to_owned(),
            settings: [("", ""); 0].into_iter().collect(),
        }
    }

    #[test]
    fn a_registered_driver_is_bound_to_its_workspace_and_provider() {
        let workspace = Workspace { name: "ops".parse().unwrap(), domain: "example.test".to_owned() };
        let driver = registry().create(Some(&workspace), &provider("memory")).unwrap();
        assert_eq!((driver.id(), driver.workspace_name(), driver.provider_name()), ("memory", "ops", "prv"));
        let driver = registry().create(None, &provider("memory")).unwrap();
        assert_eq!(driver.workspace_name(), "(nil)");
    }

    #[test]
    fn an_id_is_registered_once() {
        let mut registry = registry();
        let again = registry.register(memory::ID, memory::factory(Memory::new()));
        assert_eq!(again, Err(Duplicate("memory")));
        registry.register("k3s", memory::factory(Memory::new())).unwrap();
        assert_eq!(registry.ids().collect::<Vec<_>>(), ["k3s", "memory"]);
    }

    #[test]
    fn what_is_not_built_in_names_what_is() {
        for (id, kind, message) in [
            (
                "aks",
                ErrorKind::Unsupported,
                "driver `aks` is not supported by this program, which has: memory",
            ),
            ("vmware", ErrorKind::Invalid, "there is no driver `vmware`; this program has: memory"),
        ] {
            let error = registry().create(None, &provider(id)).err().unwrap();
            assert_eq!((error.kind, error.detail.as_deref()), (kind, Some(message)));
        }
    }
}
